variable "vpc_cidr" {
  description = "Address range of the VPC, a /16."
  type        = string
  default     = "10.40.0.0/16"
}

variable "zone_count" {
  description = "How many availability zones."
  type        = number
  default     = 3
}

variable "nat_per_zone" {
  description = "A NAT gateway in each zone rather than one for all."
  type        = bool
  default     = true
}

variable "interface_endpoints" {
  description = "AWS services reached by private link."
  type        = list(string)
  default     = ["ecr.api", "ecr.dkr", "sts"]
}

variable "flow_log_traffic" {
  description = "Which traffic is logged: REJECT, ACCEPT or ALL."
  type        = string
  default     = "ALL"
}
