"""`lotwise dead`: what is parked, why, and back with it or away."""
