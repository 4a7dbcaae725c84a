variable "name" {
  description = "The alias, without `alias/`."
  type        = string
}

variable "description" {
  description = "What the key encrypts."
  type        = string
}

variable "encrypts_logs" {
  description = "Whether CloudWatch may use the key for log groups."
  type        = bool
  default     = false
}
