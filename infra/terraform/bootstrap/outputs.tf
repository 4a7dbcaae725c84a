output "bucket" {
  description = "Name of the bucket, for the `bucket` of envs/*.s3.tfbackend."
  value       = module.bucket.name
}
