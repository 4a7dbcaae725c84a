# Permissions of the AWS Load Balancer Controller, which creates ALBs for Ingresses. It changes only resources with this cluster's
# tag; WAF, Shield and Cognito are switched off in its chart's values, so that it needs no rights there.

locals {
  elb     = "arn:${local.partition}:elasticloadbalancing:${local.region}:${local.account}"
  elb_tag = "elbv2.k8s.aws/cluster"
  elb_resources = [for kind in ["targetgroup/*/*", "loadbalancer/net/*/*", "loadbalancer/app/*/*"] :
    "${local.elb}:${kind}"
  ]
  elb_listeners = [for kind in ["listener/app/*/*/*", "listener-rule/app/*/*/*/*", "listener/net/*/*/*", "listener-rule/net/*/*/*/*"] :
    "${local.elb}:${kind}"
  ]
  security_groups = "arn:${local.partition}:ec2:${local.region}:${local.account}:security-group/*"

  tagged_on_creation = { StringEquals = { "aws:RequestTag/${local.elb_tag}" = var.name } }
  tagged             = { StringEquals = { "aws:ResourceTag/${local.elb_tag}" = var.name } }

  load_balancer_statements = [
    {
      Sid       = "FirstLoadBalancerOfTheAccount"
      Effect    = "Allow"
      Action    = "iam:CreateServiceLinkedRole"
      Resource  = "arn:${local.partition}:iam::${local.account}:role/aws-service-role/elasticloadbalancing.amazonaws.com/*"
      Condition = { StringEquals = { "iam:AWSServiceName" = "elasticloadbalancing.amazonaws.com" } }
    },
    {
      Sid    = "Look"
      Effect = "Allow"
      Action = [
        "acm:DescribeCertificate",
        "acm:ListCertificates",
        "ec2:DescribeAccountAttributes",
        "ec2:DescribeAddresses",
        "ec2:DescribeAvailabilityZones",
        "ec2:DescribeInstances",
        "ec2:DescribeInternetGateways",
        "ec2:DescribeIpamPools",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeTags",
        "ec2:DescribeVpcPeeringConnections",
        "ec2:DescribeVpcs",
        "ec2:GetSecurityGroupsForVpc",
        "elasticloadbalancing:DescribeCapacityReservation",
        "elasticloadbalancing:DescribeListenerAttributes",
        "elasticloadbalancing:DescribeListenerCertificates",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeLoadBalancerAttributes",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeSSLPolicies",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeTargetGroupAttributes",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
        "elasticloadbalancing:DescribeTrustStores",
      ]
      Resource = "*"
    },
    {
      Sid      = "MakeSecurityGroups"
      Effect   = "Allow"
      Action   = "ec2:CreateSecurityGroup"
      Resource = [local.security_groups, "arn:${local.partition}:ec2:${local.region}:${local.account}:vpc/*"]
    },
    {
      Sid      = "TagNewSecurityGroups"
      Effect   = "Allow"
      Action   = "ec2:CreateTags"
      Resource = local.security_groups
      Condition = { StringEquals = {
        "ec2:CreateAction"                = "CreateSecurityGroup"
        "aws:RequestTag/${local.elb_tag}" = var.name
      } }
    },
    {
      Sid       = "ChangeItsSecurityGroups"
      Effect    = "Allow"
      Action    = ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress", "ec2:DeleteSecurityGroup", "ec2:CreateTags", "ec2:DeleteTags"]
      Resource  = local.security_groups
      Condition = local.tagged
    },
    {
      Sid      = "LetLoadBalancersReachTheNodes"
      Effect   = "Allow"
      Action   = ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"]
      Resource = "arn:${local.partition}:ec2:${local.region}:${local.account}:security-group/${local.node_security_group_id}"
    },
    {
      Sid       = "MakeLoadBalancers"
      Effect    = "Allow"
      Action    = ["elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup"]
      Resource  = local.elb_resources
      Condition = local.tagged_on_creation
    },
    {
      Sid      = "TagNewLoadBalancers"
      Effect   = "Allow"
      Action   = "elasticloadbalancing:AddTags"
      Resource = local.elb_resources
      Condition = { StringEquals = {
        "elasticloadbalancing:CreateAction" = ["CreateLoadBalancer", "CreateTargetGroup"]
        "aws:RequestTag/${local.elb_tag}"   = var.name
      } }
    },
    {
      Sid    = "ChangeItsLoadBalancers"
      Effect = "Allow"
      Action = [
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:DeleteLoadBalancer",
        "elasticloadbalancing:DeleteTargetGroup",
        "elasticloadbalancing:ModifyLoadBalancerAttributes",
        "elasticloadbalancing:ModifyTargetGroup",
        "elasticloadbalancing:ModifyTargetGroupAttributes",
        "elasticloadbalancing:RemoveTags",
        "elasticloadbalancing:SetIpAddressType",
        "elasticloadbalancing:SetSecurityGroups",
        "elasticloadbalancing:SetSubnets",
      ]
      Resource  = local.elb_resources
      Condition = local.tagged
    },
    {
      Sid    = "ChangeListeners"
      Effect = "Allow"
      Action = [
        "elasticloadbalancing:AddListenerCertificates",
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:CreateListener",
        "elasticloadbalancing:CreateRule",
        "elasticloadbalancing:DeleteListener",
        "elasticloadbalancing:DeleteRule",
        "elasticloadbalancing:ModifyListener",
        "elasticloadbalancing:ModifyListenerAttributes",
        "elasticloadbalancing:ModifyRule",
        "elasticloadbalancing:RemoveListenerCertificates",
        "elasticloadbalancing:RemoveTags",
        "elasticloadbalancing:SetRulePriorities",
      ]
      Resource  = concat(local.elb_resources, local.elb_listeners)
      Condition = local.tagged
    },
    {
      Sid       = "TagNewListeners"
      Effect    = "Allow"
      Action    = "elasticloadbalancing:AddTags"
      Resource  = local.elb_listeners
      Condition = { StringEquals = { "elasticloadbalancing:CreateAction" = ["CreateListener", "CreateRule"] } }
    },
    {
      Sid       = "FillTargetGroups"
      Effect    = "Allow"
      Action    = ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"]
      Resource  = "${local.elb}:targetgroup/*/*"
      Condition = local.tagged
    },
  ]

  # Values of the controller's own chart.
  load_balancer_values = {
    clusterName    = var.name
    region         = local.region
    vpcId          = var.vpc_id
    serviceAccount = { name = "aws-load-balancer-controller" }
    nodeSelector   = { "fraud.workload" = "system" }
    enableWaf      = false
    enableWafv2    = false
    enableShield   = false
  }
}

module "load_balancer_role" {
  source = "../pod-role"

  name            = "${var.name}-load-balancer"
  description     = "AWS Load Balancer Controller"
  cluster_name    = aws_eks_cluster.this.name
  namespace       = "kube-system"
  service_account = "aws-load-balancer-controller"
  statements      = local.load_balancer_statements
}
