variable "account_id" {
  description = "The AWS account."
  type        = string
}

variable "region" {
  description = "The AWS region of the states."
  type        = string
}
