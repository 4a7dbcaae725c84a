# Remote state, locked by S3 itself. What differs between environments (bucket, key, region) comes with
# `terraform init -backend-config=envs/<environment>.s3.tfbackend`.

terraform {
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
