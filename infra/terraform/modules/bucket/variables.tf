variable "name" {
  description = "Name of the bucket, unique in all of AWS."
  type        = string
}

variable "key_arn" {
  description = "ARN of the KMS key that encrypts the objects."
  type        = string
}

variable "keep_old_versions_days" {
  description = "How long an overwritten or deleted object can be brought back."
  type        = number
  default     = 30

  validation {
    condition     = var.keep_old_versions_days >= 1
    error_message = "keep_old_versions_days must be at least 1: without old versions a mistaken delete is final."
  }
}

variable "keep_access_logs_days" {
  description = "How long it is known who read or changed an object."
  type        = number
  default     = 365

  validation {
    condition     = var.keep_access_logs_days >= 90
    error_message = "keep_access_logs_days must be at least 90: what happened three months ago must be there at once."
  }
}

variable "tiered_prefixes" {
  description = "Prefix => days after which S3 may move what is below it to cheaper tiers by itself."
  type        = map(number)
  default     = {}
}

variable "force_destroy" {
  description = "Whether `terraform destroy` may delete a bucket that still holds objects."
  type        = bool
  default     = false
}
