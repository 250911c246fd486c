// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"text/template"
)

// A conf is a nginx.conf.
type conf struct {
	Listen   []string // such as 8080 and [::]:8080
	Ready    []string // answers 200 as long as nginx runs
	Folder   string   // that nginx may write to
	Servers  []server
	Backends []backend
}

var text = template.Must(template.New("nginx.conf").Parse(`worker_processes 2;
daemon off;
pid {{.Folder}}/nginx.pid;
error_log stderr warn;
events {}
http {
	access_log off;
	server_tokens off;
	server_names_hash_bucket_size 512;
	client_body_temp_path {{.Folder}}/body;
	proxy_temp_path {{.Folder}}/proxy;
	fastcgi_temp_path {{.Folder}}/fastcgi;
	uwsgi_temp_path {{.Folder}}/uwsgi;
	scgi_temp_path {{.Folder}}/scgi;
	proxy_http_version 1.1;
	proxy_connect_timeout 2s;
	proxy_set_header Host $http_host;
	proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
	proxy_set_header X-Forwarded-Host $http_host;
	proxy_set_header X-Forwarded-Proto $scheme;
{{- range .Backends}}
	upstream {{.Name}} {
{{- range .Addresses}}
		server {{.}};
{{- end}}
	}
{{- end}}
	server {
{{- range .Ready}}
		listen {{.}};
{{- end}}
		return 200;
	}
{{- range $server := .Servers}}
	server {
{{- range $.Listen}}
		listen {{.}}{{if not $server.Host}} default_server{{end}};
{{- end}}
		server_name {{or .Host "_"}};
{{- range .Places}}
		location {{.Location}} { {{if .Backend}}proxy_pass http://{{.Backend}};{{else}}return 503;{{end}} }
{{- end}}
{{- if not .Whole}}
		location / { return 404; }
{{- end}}
	}
{{- end}}
}
`))

// render returns the text of the file.
func (c conf) render() ([]byte, error) {
	var out bytes.Buffer
	err := text.Execute(&out, c)
	return out.Bytes(), err
}
