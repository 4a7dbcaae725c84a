# One secret for the user of each application. The administrator's password rotates every week: a pod that used it
# would lose its database. Terraform makes the secret empty, so that no password is in the state; docs/aws.md has the
# command that makes the users and fills it.

resource "aws_secretsmanager_secret" "application" {
  #checkov:skip=CKV2_AWS_57:The user and the pods must change over together, which the documented rotation does and a lone Lambda would not.
  for_each = toset(var.applications)

  name                    = "${var.name}/database/${each.key}"
  description             = "Connection of ${each.key} to its database"
  kms_key_id              = module.key.arn
  recovery_window_in_days = var.disposable ? 0 : 30
}
