# That an environment's own values make an environment. Run once for each:
# `terraform test -test-directory=tests/environments -var-file=envs/prod.tfvars`.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "the_values_make_an_environment" {
  assert {
    condition     = var.disposable == (var.environment == "dev")
    error_message = "only dev may be destroyed with its data"
  }

  assert {
    condition     = (length(module.database) == 1) == (var.database != null)
    error_message = "there is a database where one was asked for"
  }

  assert {
    condition     = output.deploy_role_arn != null
    error_message = "the delivery workflow has its role"
  }

  assert {
    condition     = var.environment != "prod" || (length(var.api_allowed_cidrs) == 0 && var.nat_per_zone && try(var.database.multi_az, false) && var.kafka.kind != "in-cluster")
    error_message = "production is private, survives the loss of a zone and keeps its data outside the cluster"
  }
}
