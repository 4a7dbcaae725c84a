# Everything a person, a hook or CI runs. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Each tool has a lock file with hashes in deployments/tools and is installed from it into a folder of its own.
LOCKS := deployments/tools
TOOLS := $(VENV)/tools
TOOL_GROUPS := setup checkov zizmor hadolint pip-audit cyclonedx atheris airflow

ifneq ($(findstring %,$(CURDIR))$(findstring :,$(CURDIR)),)
$(error The path of this folder has a colon or a percent sign, which Python environments and MLflow cannot have; move it)
endif

export PYTHONUTF8 := 1
# Images often set it; without compiled modules each of our many processes would compile MLflow and Prefect again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## List the targets.
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

# The environment: uv inside the venv, then exactly what the lock file names.
$(BIN)/uv:
	@echo "==> creating $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement $(LOCKS)/setup.lock

# What builds packages from source (PySpark, and this one) has a hash, too: it is in the lock file of the set-up.
$(VENV)/.installed: $(BIN)/uv requirements.lock $(LOCKS)/setup.lock pyproject.toml
	@echo "==> installing the locked packages (a few minutes the first time, seconds after)"
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --build-constraints $(LOCKS)/setup.lock \
		requirements.lock $(LOCKS)/setup.lock
	@$(BIN)/uv pip install --python $(BIN)/python --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(TOOLS)/%/installed: $(LOCKS)/%.lock | $(BIN)/uv
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(@D)
	@$(BIN)/uv pip sync --quiet --python $(@D)/bin/python --require-hashes --build-constraints $(LOCKS)/setup.lock $<
	@touch $@

.PHONY: setup
setup: $(VENV)/.installed ## Create .venv with the locked packages.

.PHONY: lock
lock: $(BIN)/uv ## Resolve pyproject.toml into requirements.lock.
	$(BIN)/uv pip compile pyproject.toml --group dev --extra msk --universal --python-version 3.11 --upgrade --quiet \
		--generate-hashes --no-emit-index-url --custom-compile-command "make lock" --output-file requirements.lock
	for image in flows serving producer; do $(BIN)/uv pip compile \
		$$([ $$image = flows ] && echo pyproject.toml --extra msk || echo --group $$image) --constraint requirements.lock \
		--universal --python-version 3.11 --quiet --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" --output-file deployments/docker/$$image.lock || exit 1; done
	for group in $(TOOL_GROUPS); do $(BIN)/uv pip compile --group $$group --universal --python-version 3.11 --quiet \
		$$([ $$group != setup ] || echo --constraint requirements.lock) --upgrade --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" --output-file $(LOCKS)/$$group.lock || exit 1; done

.PHONY: check
check: setup ## Lint, format, types and retired words, as the hooks and CI run them.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tests.retired_words

.PHONY: format
format: setup ## Apply the formatter and the safe lint fixes.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: test
test: setup ## Every quick test, on real services (35 minutes on 2 cores).
	$(BIN)/python -m pytest -n 3 --dist loadgroup --no-loadscope-reorder $(ARGS)

# Compiled code with checked bounds is kept apart from that of every other run.
.PHONY: fuzz
fuzz: setup ## A million generated messages through every way to read them (10 minutes; ARGS="--messages N --seed N").
	NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=$(CURDIR)/$(VENV)/numba-fuzz $(BIN)/python -m tests.fuzz $(ARGS)

# atheris is not in requirements.lock: it has wheels for Linux on x86_64 only, and nothing else needs it.
.PHONY: fuzz-guided
fuzz-guided: setup $(TOOLS)/atheris/installed ## Coverage-guided fuzzing of the fast reader (10 minutes; ARGS="-max_total_time=SECONDS").
	PYTHONPATH=$$(echo $(CURDIR)/$(TOOLS)/atheris/lib/python*/site-packages) \
		NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=$(CURDIR)/$(VENV)/numba-fuzz \
		$(BIN)/python -m tests.fuzz.guided $(VENV)/fuzz $(or $(ARGS),-max_total_time=600)

.PHONY: test-faults
test-faults: setup ## The fault matrix: real processes, real signals (under 30 minutes; ARGS="-k cluster": three brokers, ARGS="-m short": a few minutes).
	$(BIN)/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder -m "" tests/faults $(ARGS)

.PHONY: test-dashboard
test-dashboard: setup ## The dashboard under load and with a broker that restarts (about 10 minutes).
	$(BIN)/python -m pytest -m dashboard tests/serving/dashboard $(ARGS)

.PHONY: test-readme
test-readme: setup ## The commands of README and getting started as written, in a home of their own (about 20 minutes).
	$(BIN)/python -m pytest -m readme tests/docs $(ARGS)

.PHONY: dashboard-page
dashboard-page: ## Build the dashboard's page (needs Node 20; the result is committed).
	cd serving/dashboard/web && npm ci && npm run check && npm run build

.PHONY: screenshots
screenshots: setup ## The dashboard's pictures in docs/images/dashboard, from a real run (about 15 minutes; needs Chromium).
	$(BIN)/python -m benchmarks.screenshots $(ARGS)

.PHONY: terraform-check
terraform-check: setup $(TOOLS)/checkov/installed ## Format, tests, lint and security scan of infra/terraform.
	$(BIN)/python -m pytest tests/terraform $(ARGS)
	@if command -v tflint >/dev/null; then cd infra/terraform && tflint --recursive --config "$$PWD/.tflint.hcl"; \
		else echo "tflint is not installed: not linted"; fi
	$(TOOLS)/checkov/bin/checkov --directory infra/terraform \
		--framework terraform --quiet --compact --skip-download

.PHONY: helm
helm: $(BIN)/helm ## Build helm into .venv, where it is not installed (needs Go; a few minutes).

# Versions are in go.mod, and the hash of every module in go.sum: Go compiles nothing else.
$(BIN)/helm: $(LOCKS)/helm/go.sum | $(BIN)/uv
	go build -C $(LOCKS)/helm -mod=readonly -o "$$PWD/$@" helm.sh/helm/v4/cmd/helm

.PHONY: prometheus
prometheus: $(BIN)/promtool ## Build Prometheus and promtool into .venv, where they are not installed (needs Go; minutes).

# Without its ways to discover targets in clouds, which would be most of it.
$(BIN)/promtool: $(LOCKS)/prometheus/go.sum | $(BIN)/uv
	for program in prometheus promtool; do go build -C $(LOCKS)/prometheus -mod=readonly -tags remove_all_sd \
		-o "$$PWD/$(BIN)/$$program" github.com/prometheus/prometheus/cmd/$$program || exit 1; done

.PHONY: boards
boards: setup ## Write Grafana's boards from deployments/grafana and the runbook.
	$(BIN)/python -m deployments.grafana

.PHONY: kafka-permissions
kafka-permissions: setup ## Write Kafka's permissions for Terraform from the application's own table.
	$(BIN)/python -m deployments.aws

.PHONY: chart-check
chart-check: setup $(TOOLS)/checkov/installed $(TOOLS)/hadolint/installed ## Render and check the chart, lint the Dockerfile, security scan of both.
	$(BIN)/python -m pytest tests/kubernetes/test_chart.py tests/deployments/containers/test_images.py $(ARGS)
	$(TOOLS)/hadolint/bin/hadolint deployments/docker/Dockerfile
	$(TOOLS)/checkov/bin/checkov --file deployments/docker/Dockerfile \
		--framework dockerfile --quiet --compact --skip-download
	$(BIN)/python -m tests.kubernetes.rendered .rendered
	$(TOOLS)/checkov/bin/checkov --directory .rendered \
		--framework kubernetes --config-file k8s/checkov.yaml --quiet --compact --skip-download

.PHONY: test-k8s
test-k8s: setup ## The chart on the cluster that KUBECONFIG names (kind, k3d, EKS): install, train, score, kill, scale.
	$(BIN)/python -m pytest -m kubernetes tests/kubernetes $(ARGS)

.PHONY: test-airflow
test-airflow: setup ## The DAG in a real Airflow, in its own environment (a few minutes the first time).
	$(BIN)/python -m pytest -m airflow tests/deployments/test_airflow.py $(ARGS)

# Targets of the delivery workflow, also for manual use; NAMESPACE, ENVIRONMENT, FRAUD_REGISTRY and FRAUD_TAG are their parameters.
# IMAGE_VALUES names a file with the tag and the digests of the images, in place of FRAUD_TAG.
NAMESPACE ?= fraud
CLUSTER_VALUES = -f k8s/chart/values-eks.yaml -f k8s/environments/$(ENVIRONMENT).yaml

.PHONY: helm-upgrade
helm-upgrade: ## Upgrade the release of an environment; a failed upgrade is rolled back.
	@test -n "$(ENVIRONMENT)" || { echo "ENVIRONMENT is not set: dev, prod, a file of k8s/environments"; exit 2; }
	@test -f k8s/environments/$(ENVIRONMENT).yaml || \
		{ echo "k8s/environments/$(ENVIRONMENT).yaml is missing: terraform output -raw helm_values creates it"; exit 2; }
	helm upgrade fraud k8s/chart --namespace $(NAMESPACE) $(CLUSTER_VALUES) \
		$(if $(IMAGE_VALUES),-f $(IMAGE_VALUES),--set image.tag=$(FRAUD_TAG)) \
		$$(helm version --short | grep -q '^v3' && echo --atomic || echo --rollback-on-failure) --wait --timeout 20m

.PHONY: helm-rollback
helm-rollback: ## Roll back to the previous release.
	helm rollback fraud --namespace $(NAMESPACE) --wait --timeout 20m

.PHONY: deploy-flows
deploy-flows: setup ## Deploy every flow to the Prefect server of the cluster.
	NAMESPACE=$(NAMESPACE) k8s/forward $(BIN)/prefect --no-prompt deploy --name '*/kubernetes'

.PHONY: smoke
smoke: setup ## After a deployment: is a flow run completed, and does scoring work?
	kubectl --namespace $(NAMESPACE) rollout status deployment/fraud-serving --timeout=10m
	NAMESPACE=$(NAMESPACE) k8s/forward $(BIN)/prefect deployment run monitor/kubernetes --watch --watch-timeout 1200

.PHONY: release-check
release-check: ## The versions of the package and of the chart are the tag's.
	@version=$$(sed -nE 's/^version = "(.+)"/\1/p' pyproject.toml); \
	for other in "$$(sed -nE 's/^version: (.+)/\1/p' k8s/chart/Chart.yaml)" "$${GITHUB_REF_NAME#v}"; do \
		test "$$other" = "$$version" || { echo "pyproject.toml says $$version, not $$other"; exit 1; }; done

.PHONY: workflow-check
workflow-check: setup $(TOOLS)/zizmor/installed ## Lint and security scan of the workflows.
	@if command -v actionlint >/dev/null; then actionlint; else echo "actionlint is not installed: not linted"; fi
	$(TOOLS)/zizmor/bin/zizmor --offline --quiet .github

.PHONY: audit
audit: setup $(TOOLS)/pip-audit/installed ## Known vulnerabilities of every locked package (needs a network; 3: a database gave no answer).
	$(BIN)/python -m tests.supply.audit

.PHONY: sbom
sbom: setup $(TOOLS)/cyclonedx/installed ## Bills of materials (CycloneDX) of the images, the page and the embedded Kafka, in .sbom.
	$(BIN)/python -m tests.supply.sbom .sbom

.PHONY: grype-exceptions
grype-exceptions: setup ## What grype is to let pass, from deployments/tools/exceptions.yaml.
	$(BIN)/python -m tests.supply.exceptions >.grype.yaml

.PHONY: image-check
image-check: setup ## Are the digests of the images that we name in their registries? (Needs Docker and a network.)
	$(BIN)/python -m tests.supply.images

.PHONY: image-digests
image-digests: setup ## Write the digests that the tags of these images have now.
	$(BIN)/python -m tests.supply.images --write

.PHONY: security
security: setup ## Attacks on real servers, and fuzzing of what reads messages (under 15 minutes).
	$(BIN)/python -m pytest -m security tests $(ARGS)

.PHONY: demo
demo: setup ## The whole loop on this machine, from an empty Kafka to a hot-swapped model.
	$(BIN)/fraud demo $(ARGS)

.PHONY: clean
clean: ## Stop the embedded stack and remove its data.
	@test ! -x $(BIN)/fraud || $(BIN)/fraud down
	rm -rf .fraud
