output "arn" {
  description = "ARN of the role."
  value       = aws_iam_role.this.arn
}

output "name" {
  description = "Name of the role."
  value       = aws_iam_role.this.name
}

output "trust" {
  description = "Who may have the role: the trust policy, decoded."
  value       = jsondecode(aws_iam_role.this.assume_role_policy)
}

output "statements" {
  description = "The statements of the role's own policy, as applied."
  value       = try(jsondecode(aws_iam_role_policy.this[0].policy).Statement, [])
}
