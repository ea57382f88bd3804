"""The simulated Bybit V5: categories ``linear`` and ``spot`` over real HTTP and WebSocket."""
