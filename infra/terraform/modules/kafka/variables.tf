variable "name" {
  description = "Name of the cluster."
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
