output "address" {
  description = "Host name of the database."
  value       = aws_db_instance.this.address
}

output "port" {
  description = "Port of the database."
  value       = aws_db_instance.this.port
}

output "administrator_secret_arn" {
  description = "The administrator's password, managed and rotated by RDS."
  value       = one(aws_db_instance.this.master_user_secret[*].secret_arn)
}

output "application_secrets" {
  description = "Application => name of its secret."
  value       = { for application, secret in aws_secretsmanager_secret.application : application => secret.name }
}
