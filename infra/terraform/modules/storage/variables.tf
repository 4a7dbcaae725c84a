variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "bucket_name" {
  description = "Name of the bucket for lake and models."
  type        = string
}

variable "vpc_id" {
  description = "The VPC of the mount targets."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of the mount targets, one per zone."
  type        = list(string)
}

variable "node_security_group_id" {
  description = "Security group of the nodes, which may mount EFS."
  type        = string
}

variable "images" {
  description = "Images to keep a repository for."
  type        = list(string)
}

variable "keep_images" {
  description = "How many images of each repository are kept."
  type        = number
  default     = 100
}

variable "keep_old_versions_days" {
  description = "How long an overwritten or deleted object can be brought back."
  type        = number
}

variable "disposable" {
  description = "Whether `terraform destroy` may delete data and images. Never in production."
  type        = bool
}
