output "bucket_name" {
  description = "The bucket; `lake/` and `mlflow/` are its prefixes."
  value       = module.bucket.name
}

output "bucket_arn" {
  description = "ARN of the bucket."
  value       = module.bucket.arn
}

output "key_arn" {
  description = "ARN of the key that encrypts bucket, EFS and ECR."
  value       = module.key.arn
}

output "file_system_id" {
  description = "The EFS file system."
  value       = aws_efs_file_system.this.id
}

output "repository_urls" {
  description = "Image => URL of its repository."
  value       = { for image, repository in aws_ecr_repository.this : image => repository.repository_url }
}

output "repository_arns" {
  description = "ARNs of the repositories."
  value       = [for repository in aws_ecr_repository.this : repository.arn]
}
