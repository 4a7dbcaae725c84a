"""The gateway: an HTTP service that answers with a payment's decision while the payment is authorised."""
