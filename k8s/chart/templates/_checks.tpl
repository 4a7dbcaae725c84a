{{/* Checks that the schema cannot express: each error is one sentence with its fix. Called once, by settings.yaml. */}}
{{- define "fraud.checks" -}}
{{- $v := .Values }}
{{- if not $v.image.tag }}{{ fail "image.tag is not set: give the git commit that the images were built from (--set image.tag=$(git rev-parse HEAD))" }}{{ end }}
{{- if eq $v.image.tag "latest" }}{{ fail "image.tag must not be latest: nobody could say what runs, or roll back to it" }}{{ end }}
{{- if and (not $v.kafka.internal) (not $v.kafka.bootstrapServers) }}{{ fail "kafka.bootstrapServers is not set: name the brokers, or set kafka.internal for a single broker in the cluster" }}{{ end }}
{{- if $v.kafka.existingSecret }}{{ fail "kafka.existingSecret gave every workload the same identity and is gone: make a Secret SERVICE-ACCOUNT-kafka for each, such as fraud-serving-kafka, see docs/kubernetes.md" }}{{ end }}
{{- if not $v.kafka.internal }}
{{- if and (not (hasSuffix "SSL" $v.kafka.securityProtocol)) (not $v.kafka.allowPlaintext) }}{{ fail (printf "kafka.securityProtocol %s carries card data in the clear: use SASL_SSL or SSL, or set kafka.allowPlaintext where a service mesh encrypts" $v.kafka.securityProtocol) }}{{ end }}
{{- if and (hasPrefix "SASL" $v.kafka.securityProtocol) (not $v.kafka.saslMechanism) }}{{ fail (printf "kafka.securityProtocol %s needs kafka.saslMechanism" $v.kafka.securityProtocol) }}{{ end }}
{{- if and (eq $v.kafka.saslMechanism "OAUTHBEARER") (not $v.kafka.oauth.tokenUrl) }}{{ fail "kafka.saslMechanism OAUTHBEARER needs kafka.oauth.tokenUrl, the issuer's token endpoint" }}{{ end }}
{{- if and (eq $v.kafka.saslMechanism "AWS_MSK_IAM") (or (ne $v.kafka.securityProtocol "SASL_SSL") (not $v.aws.region)) }}{{ fail "kafka.saslMechanism AWS_MSK_IAM needs kafka.securityProtocol SASL_SSL and aws.region" }}{{ end }}
{{- end }}
{{- if and (ge (int $v.kafka.retentionDays) 0) (lt (int $v.kafka.retentionDays) 33) }}{{ fail "kafka.retentionDays must be -1 or at least 33: a card's state is rebuilt from the topic" }}{{ end }}
{{- if and (not $v.postgres.internal) (empty $v.postgres.external) }}{{ fail "no Postgres: set postgres.external (Terraform prints it) or postgres.internal" }}{{ end }}
{{- if lt (int $v.serving.gracePeriodSeconds) (add (int $v.serving.drainSeconds) 10 | int) }}{{ fail "serving.gracePeriodSeconds must exceed serving.drainSeconds by 10 at least: the drain must end before the kill" }}{{ end }}
{{- if and $v.kafka.internal (gt (int $v.serving.autoscaling.maxReplicas) (int $v.kafka.partitions)) }}{{ fail (printf "serving.autoscaling.maxReplicas is %d and kafka.partitions %d: a pod without a partition scores nothing" (int $v.serving.autoscaling.maxReplicas) (int $v.kafka.partitions)) }}{{ end }}
{{- if gt (int $v.serving.autoscaling.minReplicas) (int $v.serving.autoscaling.maxReplicas) }}{{ fail "serving.autoscaling.minReplicas exceeds maxReplicas" }}{{ end }}
{{- if and $v.gateway.enabled (not $v.gateway.existingSecret) (not $v.gateway.oidc.issuer) }}{{ fail "gateway.enabled needs gateway.existingSecret (the keys.json that `fraud gateway key create` writes) or gateway.oidc.issuer: nobody could call it" }}{{ end }}
{{- if gt (int $v.gateway.autoscaling.minReplicas) (int $v.gateway.autoscaling.maxReplicas) }}{{ fail "gateway.autoscaling.minReplicas exceeds maxReplicas" }}{{ end }}
{{- if and $v.ingress.enabled (hasKey $v.ingress.hosts "gateway") (not $v.gateway.enabled) }}{{ fail "ingress.hosts.gateway needs gateway.enabled" }}{{ end }}
{{- if and (gt (int $v.dashboard.replicas) 1) (not $v.dashboard.database.existingSecret) }}{{ fail "dashboard.replicas above 1 needs dashboard.database.existingSecret, a Secret with the key uri: the replicas share a PostgreSQL database" }}{{ end }}
{{- if and $v.dashboard.enabled (not $v.dashboard.oidc.issuer) (not (include "fraud.firstPasswordSecret" $)) }}{{ fail "dashboard.enabled needs dashboard.oidc.issuer, or dashboard.passwords.existingSecret (a Secret with the key password: the first one of the user admin): nobody could log in" }}{{ end }}
{{- if and $v.dashboard.oidc.issuer (not $v.dashboard.oidc.clientId) }}{{ fail "dashboard.oidc.issuer needs dashboard.oidc.clientId" }}{{ end }}
{{- if and $v.webhooks.enabled (empty $v.webhooks.endpoints) }}{{ fail "webhooks.enabled needs webhooks.endpoints: name => {url: https://...}" }}{{ end }}
{{- if and $v.webhooks.enabled (not $v.webhooks.existingSecret) }}{{ fail "webhooks.enabled needs webhooks.existingSecret, a Secret with a key for each endpoint: what signs (`fraud webhooks --new-secret`)" }}{{ end }}
{{- if and (eq $v.cards.admission "replace") (not $v.cards.existingSecret) }}{{ fail "cards.admission replace needs cards.existingSecret, a Secret with the key `key` (`fraud cards new-key` prints one)" }}{{ end }}
{{- if and $v.ingress.enabled (empty $v.ingress.hosts) }}{{ fail "ingress.enabled needs ingress.hosts: prefect, mlflow, dashboard or gateway => host name" }}{{ end }}
{{- if $v.networkPolicies.enabled }}
{{- $egress := $v.networkPolicies.egress }}
{{- range $name, $outside := dict "kafka" (not $v.kafka.internal) "s3" (not $v.s3.internal) "postgres" (not $v.postgres.internal) "schemaRegistry" (not (empty $v.schemaRegistry.url)) }}
{{- if and $outside (empty (index $egress $name)) }}{{ fail (printf "networkPolicies.egress.%s is empty: name the address ranges where it is, such as [10.40.0.0/16], or no pod reaches it" $name) }}{{ end }}
{{- end }}
{{- if and (or $v.gateway.oidc.issuer $v.dashboard.oidc.issuer $v.kafka.oauth.tokenUrl) (empty $egress.oidc) }}{{ fail "networkPolicies.egress.oidc is empty: name the address ranges where the issuer of tokens is, or no pod reaches it" }}{{ end }}
{{- if and $v.ingress.enabled (not $v.ingress.controllerNamespace) (empty $v.ingress.loadBalancerCidrs) }}{{ fail "ingress.enabled needs ingress.controllerNamespace, or ingress.loadBalancerCidrs: the subnets of the load balancer, the only ones that may connect" }}{{ end }}
{{- end }}
{{- /* With a real cluster, missing secrets are an error. Rendering alone looks nothing up. */}}
{{- if and (not $v.secrets.generate) (not (empty (lookup "v1" "Namespace" "" .Release.Namespace))) }}
{{- $needed := list "fraud-prefect auth-string" "fraud-serving snapshot-key" "fraud-mlflow admin" "fraud-mlflow secret-key" "fraud-mlflow flows" "fraud-mlflow dashboard" "fraud-mlflow serving" "fraud-database-mlflow uri" "fraud-database-prefect uri" }}
{{- if $v.signing.enabled }}{{ $needed = append $needed "fraud-signing public" }}{{ end }}
{{- if $v.postgres.internal }}{{ $needed = concat $needed (list "fraud-postgres password" "fraud-postgres mlflow" "fraud-postgres prefect") }}{{ end }}
{{- with include "fraud.s3Secret" $ }}{{ $needed = concat $needed (list (printf "%s access-key" .) (printf "%s secret-key" .)) }}{{ end }}
{{- if $v.s3.internal }}{{ $needed = append $needed (printf "%s s3.json" (include "fraud.s3Secret" $)) }}{{ end }}
{{- if include "fraud.kafkaSecrets" $ }}
{{- $keys := ternary (list "tls.crt" "tls.key") (list "username" "password") (eq (include "fraud.kafkaProtocol" $) "SSL") }}
{{- $used := dict "serving" true "topics" true "ingest" true "preprocess" true "trainer" true "pipeline" true "monitor" true "dashboard" $v.dashboard.enabled "gateway" $v.gateway.enabled "webhooks" $v.webhooks.enabled "producer" $v.producer.enabled "keda" (eq (include "fraud.scaledBy" $) "keda") }}
{{- range $identity, $account := include "fraud.kafkaAccounts" $ | fromJson }}
{{- if get $used $identity }}{{ range $keys }}{{ $needed = append $needed (printf "%s-kafka %s" $account .) }}{{ end }}{{ end }}
{{- end }}
{{- if $v.kafka.internal }}{{ $needed = concat $needed (list "fraud-admin-kafka username" "fraud-admin-kafka password" "fraud-kafka-server jaas") }}{{ end }}
{{- end }}
{{- if $v.gateway.enabled }}{{ with $v.gateway.existingSecret }}{{ $needed = append $needed (printf "%s keys.json" .) }}{{ end }}{{ end }}
{{- if $v.webhooks.enabled }}{{ range $name, $_ := $v.webhooks.endpoints }}{{ $needed = append $needed (printf "%s %s" $v.webhooks.existingSecret $name) }}{{ end }}{{ end }}
{{- if $v.dashboard.enabled }}{{ with $v.dashboard.database.existingSecret }}{{ $needed = append $needed (printf "%s uri" .) }}{{ end }}{{ end }}
{{- if $v.dashboard.enabled }}{{ with include "fraud.firstPasswordSecret" $ }}{{ $needed = append $needed (printf "%s password" .) }}{{ end }}{{ with $v.dashboard.oidc.existingSecret }}{{ $needed = append $needed (printf "%s client-secret" .) }}{{ end }}{{ end }}
{{- with $v.cards.existingSecret }}{{ $needed = append $needed (printf "%s key" .) }}{{ end }}
{{- with $v.schemaRegistry.existingSecret }}{{ $needed = concat $needed (list (printf "%s username" .) (printf "%s password" .)) }}{{ end }}
{{- range $needed }}
{{- $parts := splitList " " . }}
{{- $found := lookup "v1" "Secret" $.Release.Namespace (first $parts) }}
{{- if empty $found }}{{ fail (printf "the Secret %s (key %s) is missing in the namespace %s: make it as docs/kubernetes.md says" (first $parts) (last $parts) $.Release.Namespace) }}{{ end }}
{{- if not (hasKey ($found.data | default dict) (last $parts)) }}{{ fail (printf "the Secret %s lacks the key %s: make it as docs/kubernetes.md says" (first $parts) (last $parts)) }}{{ end }}
{{- end }}
{{- end }}
{{- end }}
