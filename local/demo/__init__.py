"""The demo of `make run`: everyone around the OMS, played through its public API alone."""
