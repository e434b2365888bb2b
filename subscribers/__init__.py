"""The people who hear us: registry, consent, opt-outs, and who is sent to. No table of its own."""
