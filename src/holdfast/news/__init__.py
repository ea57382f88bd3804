"""News about coins: read within Marketaux's quota, tied to assets, with a mood and where it comes from."""
