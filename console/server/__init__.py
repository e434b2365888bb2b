"""The HTTP server: limits, the application, errors, webhooks, health and metrics."""
