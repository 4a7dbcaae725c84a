# The cluster: closed by default, patched, and with Spot for what can be repeated only.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name                = "fraud-test"
  namespace           = "fraud"
  kubernetes_version  = "1.35"
  vpc_id              = "vpc-1"
  subnet_ids          = ["subnet-a", "subnet-b", "subnet-c"]
  api_allowed_cidrs   = ["203.0.113.7/32"]
  api_private_cidrs   = []
  administrator_arns  = ["arn:aws:iam::111122223333:role/Administrator"]
  viewer_arns         = []
  deletion_protection = true
  log_retention_days  = 365
  node_instance_types = ["m7i-flex.large"]
  node_count          = 3
  node_disk_gib       = 60
  addon_versions      = { coredns = "v1.12.0-eksbuild.1" }
  node_image_release  = "1.35.0-20260114"
  flows_cpu_limit     = 64
  serving_cpu_limit   = 32
  file_system_id      = "fs-1"
}

run "the_api_is_restricted" {
  module {
    source = "./modules/cluster"
  }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_private_access && toset(aws_eks_cluster.this.vpc_config[0].public_access_cidrs) == toset(["203.0.113.7/32"])
    error_message = "the API answers the VPC and the given addresses"
  }

  assert {
    condition     = aws_eks_cluster.this.access_config[0].authentication_mode == "API" && !aws_eks_cluster.this.access_config[0].bootstrap_cluster_creator_admin_permissions
    error_message = "access is by entries alone, and the creator has none by being the creator"
  }

  assert {
    condition     = [for a in aws_eks_access_policy_association.administrator : a.principal_arn] == ["arn:aws:iam::111122223333:role/Administrator"]
    error_message = "the named administrators, and nobody else, administer"
  }

  assert {
    condition     = contains(aws_eks_cluster.this.encryption_config[0].resources, "secrets") && length(aws_eks_cluster.this.enabled_cluster_log_types) == 5
    error_message = "secrets are encrypted and every log is kept"
  }
}

run "without_addresses_the_api_is_private" {
  module {
    source = "./modules/cluster"
  }

  variables {
    api_allowed_cidrs = []
    api_private_cidrs = ["10.8.0.0/24"]
  }

  assert {
    condition     = [for r in aws_vpc_security_group_ingress_rule.api : "${r.cidr_ipv4} ${r.from_port}-${r.to_port}"] == ["10.8.0.0/24 443-443"]
    error_message = "the VPN reaches the API and nothing else of the nodes"
  }

  assert {
    condition     = !aws_eks_cluster.this.vpc_config[0].endpoint_public_access
    error_message = "nobody outside was named, so nobody outside is let in"
  }
}

run "nodes" {
  module {
    source = "./modules/cluster"
  }

  assert {
    condition     = aws_eks_node_group.system.scaling_config[0].min_size == 3 && aws_eks_node_group.system.instance_types == tolist(["m7i-flex.large"]) && aws_eks_node_group.system.capacity_type == "ON_DEMAND"
    error_message = "three on-demand nodes carry what must always run"
  }

  assert {
    condition     = toset(aws_eks_node_group.system.subnet_ids) == toset(var.subnet_ids)
    error_message = "nodes are in the private subnets"
  }

  assert {
    condition     = aws_launch_template.system.metadata_options[0].http_tokens == "required" && aws_launch_template.system.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "pods cannot reach the node's credentials"
  }

  assert {
    condition     = aws_launch_template.system.block_device_mappings[0].ebs[0].encrypted == "true"
    error_message = "disks are encrypted"
  }

  assert {
    condition     = !contains([for p in aws_iam_role_policy_attachment.node : p.policy_arn], "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy")
    error_message = "the network add-on has a role of its own; the nodes need not share it"
  }
}

run "addons" {
  module {
    source = "./modules/cluster"
  }

  assert {
    condition = setunion(keys(aws_eks_addon.before_nodes), keys(aws_eks_addon.after_nodes)) == toset([
      "vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent", "aws-ebs-csi-driver", "aws-efs-csi-driver", "metrics-server",
    ])
    error_message = "the add-ons are complete"
  }

  assert {
    condition     = jsondecode(aws_eks_addon.before_nodes["vpc-cni"].configuration_values).enableNetworkPolicy == "true"
    error_message = "NetworkPolicies are enforced"
  }

  assert {
    condition     = aws_eks_addon.after_nodes["coredns"].addon_version == "v1.12.0-eksbuild.1"
    error_message = "a pinned version is used"
  }

  assert {
    condition     = [for a in aws_eks_addon.after_nodes["aws-ebs-csi-driver"].pod_identity_association : a.service_account] == ["ebs-csi-controller-sa"]
    error_message = "the EBS driver has its identity"
  }
}

run "spot_is_for_flows_only" {
  module {
    source = "./modules/cluster"
  }

  assert {
    condition = { for document in split("---\n", output.manifests) : yamldecode(document).metadata.name =>
      flatten([for r in yamldecode(document).spec.template.spec.requirements : r.values if r.key == "karpenter.sh/capacity-type"])
    if try(yamldecode(document).kind, "") == "NodePool" } == { flows = ["spot"], serving = ["on-demand"] }
    error_message = "flows run on Spot, serving on demand"
  }

  assert {
    condition = alltrue([for document in split("---\n", output.manifests) :
      yamldecode(document).spec.template.spec.taints == [{ key = "fraud.workload", value = yamldecode(document).metadata.name, effect = "NoSchedule" }]
    if try(yamldecode(document).kind, "") == "NodePool"])
    error_message = "only the pods that are meant for a pool go there"
  }

  assert {
    condition = alltrue([for document in split("---\n", output.manifests) :
      yamldecode(document).spec.instanceProfile == "fraud-test-karpenter" && join(",", yamldecode(document).spec.subnetSelectorTerms[*].id) == join(",", var.subnet_ids) && yamldecode(document).spec.metadataOptions.httpTokens == "required"
    if try(yamldecode(document).kind, "") == "EC2NodeClass"])
    error_message = "Karpenter's nodes are as private as the others"
  }

  assert {
    condition     = yamldecode(output.karpenter_values).settings.interruptionQueue == "fraud-test-interruptions" && length(aws_cloudwatch_event_rule.interruptions) == 4
    error_message = "Karpenter hears of interruptions"
  }

  assert {
    condition = alltrue([for s in output.karpenter_statements : can(s.Condition)
    if length(setintersection(flatten([s.Action]), ["ec2:TerminateInstances", "ec2:CreateTags", "iam:PassRole", "ec2:CreateLaunchTemplate"])) > 0])
    error_message = "what Karpenter may change is tied to this cluster's tags"
  }

  assert {
    condition     = length([for s in output.karpenter_statements : s if length(setintersection(flatten([s.Action]), ["iam:CreateInstanceProfile", "iam:AddRoleToInstanceProfile"])) > 0]) == 0
    error_message = "Karpenter makes no instance profiles"
  }
}

run "the_namespace_holds_pods_to_the_restricted_profile" {
  module {
    source = "./modules/cluster"
  }

  assert {
    condition = [for document in split("---\n", output.manifests) : yamldecode(document).metadata.labels["pod-security.kubernetes.io/enforce"]
    if try(yamldecode(document).kind, "") == "Namespace"] == ["restricted"]
    error_message = "the namespace enforces the restricted profile"
  }
}

run "the_load_balancer_controller_changes_only_its_own" {
  module {
    source = "./modules/cluster"
  }

  assert {
    condition = alltrue([for s in output.load_balancer_statements : can(s.Condition) || s.Sid == "LetLoadBalancersReachTheNodes" || s.Sid == "MakeSecurityGroups"
    if s.Sid != "Look"])
    error_message = "what it changes carries the cluster's tag, or is the nodes' security group"
  }

  assert {
    condition     = alltrue([for action in flatten([for s in output.load_balancer_statements : s.Action if s.Sid == "Look"]) : length(regexall(":(Describe|Get|List)", action)) == 1])
    error_message = "what is allowed on everything only looks"
  }
}
