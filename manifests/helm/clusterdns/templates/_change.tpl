{{- /*
Copyright The clusterdns Authors
SPDX-License-Identifier: Apache-2.0

The objects are those of files/, which "make generate" copies from manifests/: nothing
of them is written here. What is here changes them as the values say. A dict is
changed where it is, so these print nothing.
*/ -}}

{{- /* The namespace of an object, and of the account in it. */ -}}
{{- define "clusterdns.namespace" -}}
{{- $o := .object -}}
{{- if $o.metadata.namespace }}{{ $_ := set $o.metadata "namespace" .values.namespace }}{{ end -}}
{{- range $o.subjects }}{{ $_ := set . "namespace" $.values.namespace }}{{ end -}}
{{- end -}}

{{- define "clusterdns.deployment" -}}
{{- $v := .values -}}
{{- $spec := .object.spec.template.spec -}}
{{- $c := first $spec.containers -}}
{{- $_ := set .object.spec "replicas" $v.replicas -}}
{{- $_ := set $c "image" (include "clusterdns.image" .) -}}
{{- $_ := set $c "args" (concat $c.args (include "clusterdns.args" . | fromYamlArray)) -}}
{{- include "clusterdns.set" (list $c "imagePullPolicy" $v.image.pullPolicy) -}}
{{- include "clusterdns.set" (list $c "resources" $v.resources) -}}
{{- range $k := list "priorityClassName" "nodeSelector" "tolerations" "affinity" -}}
{{- include "clusterdns.set" (list $spec $k (get $v $k)) -}}
{{- end -}}
{{- $secrets := list -}}
{{- range $v.image.pullSecrets }}{{ $secrets = append $secrets (dict "name" .) }}{{ end -}}
{{- include "clusterdns.set" (list $spec "imagePullSecrets" $secrets) -}}
{{- end -}}

{{- /* Sets a field, or takes it away if the value is empty. */ -}}
{{- define "clusterdns.set" -}}
{{- $o := index . 0 }}{{ $key := index . 1 }}{{ $value := index . 2 -}}
{{- if $value }}{{ $_ := set $o $key $value }}{{ else }}{{ $_ := unset $o $key }}{{ end -}}
{{- end -}}

{{- define "clusterdns.image" -}}
{{- $i := .values.image -}}
{{- with $i.registry }}{{ . }}/{{ end }}{{ $i.repository -}}
{{- if $i.digest }}@{{ $i.digest }}{{ else }}:{{ $i.tag | default .chart.AppVersion }}{{ end -}}
{{- end -}}

{{- /* The arguments that differ from the operator's own defaults. */ -}}
{{- define "clusterdns.args" -}}
{{- $v := .values }}{{ $i := $v.servers.image }}{{ $args := list -}}
{{- if ne $v.namespace "kube-system" }}{{ $args = append $args (printf "--namespace=%s" $v.namespace) }}{{ end -}}
{{- if or $i.repository $i.tag -}}
{{- $args = append $args (printf "--image=%s:%s" ($i.repository | default "clusterdns/coredns") ($i.tag | default .chart.AppVersion)) -}}
{{- end -}}
{{- if $i.local }}{{ $args = append $args "--local-image" }}{{ end -}}
{{- if ne $v.log.format "json" }}{{ $args = append $args (printf "--log-format=%s" $v.log.format) }}{{ end -}}
{{- if ne $v.log.level "info" }}{{ $args = append $args (printf "--log-level=%s" $v.log.level) }}{{ end -}}
{{- concat $args $v.args | toYaml -}}
{{- end -}}
