variable "name" {
  description = "Name of the instance and prefix of every name."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Isolated subnets, in two zones at least."
  type        = list(string)
}

variable "node_security_group_id" {
  description = "Security group of the nodes, the only ones who may connect."
  type        = string
}

variable "engine_version" {
  description = "Version of Postgres, the major or an exact one."
  type        = string
}

variable "instance_class" {
  description = "Size of the instance."
  type        = string
}

variable "storage_gib" {
  description = "Storage at the start; it grows by itself up to four times that."
  type        = number
}

variable "multi_az" {
  description = "Whether a standby waits in another zone."
  type        = bool
}

variable "backup_days" {
  description = "How far back a point in time can be restored."
  type        = number

  validation {
    condition     = var.backup_days >= 1 && var.backup_days <= 35
    error_message = "backup_days must be 1 to 35: a database without backups is refused."
  }
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
}

variable "applications" {
  description = "Applications with a database of their own."
  type        = list(string)
  default     = ["mlflow", "prefect"]
}

variable "disposable" {
  description = "Whether `terraform destroy` may delete the data. Never in production."
  type        = bool
}
