import { Page, Section } from '@/ui/Layout'
import { Table } from '@/ui/Table'

import { LICENCES } from './licences'

export default function LicencesPage() {
  return (
    <Page title="Licences" narrow>
      <p>Holdfast is licensed under the Apache License 2.0.</p>
      <Section title="Charts">
        <p>
          TradingView Lightweight Charts™
          <br />
          Copyright (c) 2025 TradingView, Inc.{' '}
          <a href="https://www.tradingview.com/" rel="noopener noreferrer" target="_blank" className="underline">
            https://www.tradingview.com/
          </a>
        </p>
        <p className="mt-3 text-muted">Licensed under the Apache License 2.0. Used unchanged.</p>
      </Section>
      <Section title="Data">
        <p>
          Market capitalisations and coin names: data provided by{' '}
          <a href="https://www.coingecko.com/" rel="noopener noreferrer" target="_blank" className="underline">
            CoinGecko
          </a>
          .
        </p>
        <p className="mt-3">
          News and their sentiment:{' '}
          <a href="https://www.marketaux.com/" rel="noopener noreferrer" target="_blank" className="underline">
            Marketaux
          </a>
          ; titles and texts belong to their publishers. Moods marked as estimated: VADER sentiment analysis, Copyright
          (c) 2016 C.J. Hutto, MIT licence.
        </p>
      </Section>
      <Section title="Built on">
        <Table
          label="Packages"
          rows={LICENCES}
          rowKey={(each) => each.name}
          columns={[
            { head: 'Package', name: true, cell: (each) => each.name },
            { head: 'Licence', cell: (each) => each.licence },
            { head: 'Copyright', cell: (each) => each.holder, wideOnly: true },
          ]}
        />
      </Section>
    </Page>
  )
}
