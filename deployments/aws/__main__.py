"""`python -m deployments.aws`: write what Terraform reads of the application."""

from deployments.aws.kafka_permissions import FILE, terraform_text

if __name__ == "__main__":
    FILE.write_text(terraform_text(), encoding="utf-8")
