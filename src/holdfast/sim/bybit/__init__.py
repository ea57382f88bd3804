"""The simulated Bybit V5: categories ``linear`` and ``spot`` over real HTTP and WebSocket.

A request goes through ``routes`` (fault dial), ``http`` (address limit, signature, rate limit, envelope) and
one of ``market_routes``, ``trade_routes``, ``account_routes``. An order goes through ``rules`` (the request
itself) and ``intake`` (account, margin, band), is acknowledged, and a moment later ``matching`` fills it from
``liquidity``; ``settlement`` books every fill, ``publisher`` tells the private streams. ``venue`` puts the
parts together.

Places of the fault dial: ``bybit.<name>`` with the names in the ``ROUTES`` of the three route modules
(``bybit.order.create``); ``bybit.private.`` and ``bybit.public.<category>.`` with a topic, ``connect`` or
``pong``.
"""
