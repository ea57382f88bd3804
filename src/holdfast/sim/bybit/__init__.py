"""The simulated Bybit V5: categories ``linear`` and ``spot`` over real HTTP and WebSocket.

A request goes through ``journey`` (fault dial; ``routes`` only brings it there from a socket), ``http``
(address limit, signature, rate limit, envelope) and one of ``market_routes``, ``trade_routes``,
``account_routes``. An order goes through ``rules`` (the request itself) and ``intake`` (account, margin,
band), is acknowledged, and a moment later ``matching`` fills it from
``liquidity``; ``settlement`` books every fill, ``publisher`` tells the private streams. ``venue`` puts the
parts together; ``journey`` and ``lines`` are how to use it without a socket.
"""
