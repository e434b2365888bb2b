"""Settings, wiring of adapters, and logging: what is switched on, and nothing that runs."""
