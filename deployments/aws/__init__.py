"""What Terraform reads of the application: `python -m deployments.aws` writes it."""
