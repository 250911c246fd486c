// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Command reference prints the reference of a CRD as Markdown: every field with
// its type, its description, and what the API server checks.
//
//	reference FILE...
package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// A definition is what is needed of a CustomResourceDefinition.
type definition struct {
	Spec struct {
		Group    string
		Names    struct{ Kind string }
		Versions []struct {
			Name   string
			Schema struct {
				OpenAPIV3Schema schema `json:"openAPIV3Schema"`
			}
		}
	}
}

// A schema is what is needed of a JSON schema.
type schema struct {
	Type, Description, Pattern string
	Format                     string
	Default                    any
	Enum                       []any
	Properties                 map[string]schema
	Required                   []string
	Items                      *schema
	Minimum, Maximum           *float64
	MinLength, MaxLength       *int64
	MinItems, MaxItems         *int64
	IntOrString                bool                             `json:"x-kubernetes-int-or-string"`
	Additional                 *schema                          `json:"additionalProperties"`
	Rules                      []struct{ Message, Rule string } `json:"x-kubernetes-validations"`
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: reference FILE...")
		os.Exit(2)
	}
	for i, file := range os.Args[1:] {
		if i > 0 {
			fmt.Println()
		}
		if err := run(file, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func run(file string, out io.Writer) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var d definition
	if err := yaml.Unmarshal(text, &d); err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	for _, v := range d.Spec.Versions {
		root := v.Schema.OpenAPIV3Schema
		_, err = fmt.Fprintf(out, "# %s (%s/%s)\n\nGenerated from the types in `api/%s` by `make generate`.\n\n%s\n", d.Spec.Names.Kind, d.Spec.Group, v.Name, v.Name, paragraph(root.Description))
		if err != nil {
			return err
		}
		for _, part := range []string{"spec", "status"} {
			if err := section(out, part, root.Properties[part]); err != nil {
				return err
			}
		}
	}
	return nil
}

// section prints the fields of s, and then those of the objects in it.
func section(out io.Writer, path string, s schema) error {
	if s.Items != nil {
		s = *s.Items
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s\n\n%s\n", path, paragraph(s.Description))
	for _, r := range s.Rules {
		fmt.Fprintf(&b, "\n* %s\n", escaped(r.Message))
	}
	b.WriteString("\n| field | type | what it is |\n|---|---|---|\n")
	names := slices.Sorted(maps.Keys(s.Properties))
	for _, name := range names {
		p := s.Properties[name]
		required := ""
		if slices.Contains(s.Required, name) {
			required = ", required"
		}
		fmt.Fprintf(&b, "| `%s` | %s%s | %s |\n", name, kind(p), required, strings.Join(said(p), " "))
	}
	if _, err := io.WriteString(out, b.String()); err != nil {
		return err
	}
	for _, name := range names {
		p, suffix := s.Properties[name], ""
		if p.Items != nil {
			suffix = "[]"
		}
		if len(p.Properties) > 0 || p.Items != nil && len(p.Items.Properties) > 0 {
			if err := section(out, path+"."+name+suffix, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// kind returns the type of a field in words.
func kind(s schema) string {
	switch {
	case s.IntOrString:
		return "integer or string"
	case s.Items != nil:
		return "list of " + kind(*s.Items)
	case s.Additional != nil:
		return "map of " + kind(*s.Additional)
	case len(s.Enum) > 0:
		words := make([]string, len(s.Enum))
		for i, e := range s.Enum {
			words[i] = fmt.Sprintf("`%v`", e)
		}
		return strings.Join(words, ", ")
	case s.Format == "date-time":
		return "time"
	}
	return s.Type
}

// said returns what is said about a field, and what is checked.
func said(s schema) []string {
	out := []string{escaped(paragraph(s.Description))}
	if s.Default != nil {
		out = append(out, fmt.Sprintf("Default `%v`.", s.Default))
	}
	if s.Minimum != nil && s.Maximum != nil {
		out = append(out, fmt.Sprintf("%.0f to %.0f.", *s.Minimum, *s.Maximum))
	} else if s.Minimum != nil {
		out = append(out, fmt.Sprintf("At least %.0f.", *s.Minimum))
	}
	if s.MaxItems != nil {
		out = append(out, fmt.Sprintf("At most %d.", *s.MaxItems))
	}
	if len(s.Properties) == 0 {
		for _, r := range s.Rules {
			out = append(out, strings.ToUpper(r.Message[:1])+escaped(r.Message[1:])+".")
		}
	}
	return out
}

func paragraph(text string) string { return strings.Join(strings.Fields(text), " ") }

func escaped(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
