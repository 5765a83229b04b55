"""An EA bridge: what one MetaTrader 5 terminal shows, published to Lotwise. `python -m examples.ea_bridge --help`."""
