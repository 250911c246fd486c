// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
)

// A source is a file that a command reads.
type source struct{ file string }

func (s *source) flag(c *cobra.Command, what string) {
	c.Flags().StringVarP(&s.file, "filename", "f", "", what+"; - is standard input")
	_ = c.MarkFlagFilename("filename")
}

// read returns the text, and how messages call it.
func (s *source) read(c *cobra.Command) (text, name string, err error) {
	var data []byte
	switch s.file {
	case "":
		return "", "", fmt.Errorf("%w: name a file with -f; see %s --help", errUsage, c.CommandPath())
	case "-":
		name = "standard input"
		data, err = io.ReadAll(c.InOrStdin())
	default:
		name = s.file
		data, err = os.ReadFile(s.file)
	}
	return string(data), name, err
}

// clusterDNS returns the ClusterDNS among the objects of a manifest.
func clusterDNS(text, name string) (*v1alpha1.ClusterDNS, error) {
	documents := yaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for n := 1; ; n++ {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s: there is no ClusterDNS (%s) in it", name, v1alpha1.GroupVersion)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: document %d: %w", name, n, err)
		}
		var kind struct{ APIVersion, Kind string }
		if err := sigsyaml.Unmarshal(document, &kind); err != nil {
			return nil, fmt.Errorf("%s: document %d: %w", name, n, err)
		}
		if kind.Kind != "ClusterDNS" {
			continue
		}
		if kind.APIVersion != v1alpha1.GroupVersion.String() {
			return nil, fmt.Errorf("%s: document %d: apiVersion %q; write %s", name, n, kind.APIVersion, v1alpha1.GroupVersion)
		}
		var dns v1alpha1.ClusterDNS
		if err := sigsyaml.UnmarshalStrict(document, &dns); err != nil {
			return nil, fmt.Errorf("%s: document %d: %s", name, n, explained(err))
		}
		return &dns, nil
	}
}

// isManifest reports whether a text is a manifest rather than a Corefile: one that
// cannot be read has the line that says the kind.
func isManifest(text string) bool {
	var kind struct{ APIVersion, Kind string }
	first, err := yaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text))).Read()
	return err == nil && sigsyaml.Unmarshal(first, &kind) == nil && kind.Kind != "" || kindLine.MatchString(text)
}

var kindLine = regexp.MustCompile(`(?m)^kind: ClusterDNS\s*$`)

// explained leaves out how the decoder came to it.
func explained(err error) string {
	text := err.Error()
	for _, prefix := range []string{"error unmarshaling JSON: ", "error converting YAML to JSON: ", "while decoding JSON: ", "json: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return text
}

// A format is how results are written.
type format struct{ name string }

func (f *format) flag(c *cobra.Command) {
	c.Flags().StringVarP(&f.name, "output", "o", "", "json or yaml, for programs; without it for people")
}

// write writes v for programs, or calls people.
func (f *format) write(w io.Writer, v any, people func()) error {
	switch f.name {
	case "":
		people()
		return nil
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(v)
	case "yaml":
		text, err := sigsyaml.Marshal(v)
		if err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	}
	return fmt.Errorf("%w: -o %s; write json or yaml", errUsage, f.name)
}

// manifest returns what people write, without what only the API server does.
func manifest(dns *v1alpha1.ClusterDNS) (string, error) {
	text, err := json.Marshal(dns)
	if err != nil {
		return "", err
	}
	var o map[string]any
	if err := json.Unmarshal(text, &o); err != nil {
		return "", err
	}
	delete(o, "status")
	if m, ok := o["metadata"].(map[string]any); ok {
		delete(m, "creationTimestamp")
	}
	out, err := sigsyaml.Marshal(o)
	return string(bytes.TrimLeft(out, "\n")), err
}
