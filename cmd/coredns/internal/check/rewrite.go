// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/coredns/caddy/caddyfile"
	"github.com/coredns/coredns/plugin/pkg/parse"
	"github.com/coredns/coredns/plugin/pkg/transport"
	"github.com/miekg/dns"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

const (
	// nowhere stands for what a setup would resolve (RFC 5737: never assigned).
	nowhere = "192.0.2.1"
	// noAPI is the API server of the copy; nothing connects to it.
	noAPI = "http://" + nowhere + ":1"
)

// rewriter makes the copy of a Corefile that a check sets up: what a setup
// would look up in the network or on the serving machine is replaced.
type rewriter struct {
	// interfaces has the address that stands for each interface name.
	interfaces map[string]string
	// found is what the copy does not show.
	found []Diagnostic
}

func newRewriter() *rewriter { return &rewriter{interfaces: map[string]string{}} }

// rewrite returns the copy of one use of a directive. It never changes its
// argument, which other blocks may share through a snippet.
func (r *rewriter) rewrite(directive string, stanza []caddyfile.Token) []caddyfile.Token {
	switch directive {
	case "bind":
		return r.bind(stanza)
	case "clusterdns", "kubernetes":
		return r.api(directive, stanza)
	case "dnssec":
		return r.dnssec(stanza)
	case "forward":
		return r.forward(stanza)
	}
	return stanza
}

func (r *rewriter) errorf(t caddyfile.Token, format string, args ...any) {
	r.found = append(r.found, errorAt(Pos{t.File, t.Line}, format, args...))
}

func (r *rewriter) notef(t caddyfile.Token, format string, args ...any) {
	r.found = append(r.found, noteAt(Pos{t.File, t.Line}, format, args...))
}

// forward replaces the TO names, which the setup of forward would resolve.
func (r *rewriter) forward(stanza []caddyfile.Token) []caddyfile.Token {
	out := slices.Clone(stanza)
	for i := 2; i < len(out) && out[i].Text != "{" && !newLine(out, i); i++ {
		before, name, after, ok := upstreamName(out[i].Text)
		if !ok {
			continue
		}
		switch {
		case strings.Contains(name, "/"):
			r.errorf(out[i], "plugin/forward: %q is neither an IP address nor a file that can be read here", out[i].Text)
		case numeric(name):
			r.errorf(out[i], "plugin/forward: %q is neither an IP address nor a host name: a name does not end in a number", out[i].Text)
		default:
			r.notef(out[i], "plugin/forward: %s is not resolved here", name)
		}
		out[i].Text = before + nowhere + after
	}
	return out
}

// upstreamName finds the name in a TO of forward, [SCHEME://]NAME[%SERVER][:PORT].
// It is false where forward resolves nothing: for addresses, for files and
// for what forward rejects by itself.
func upstreamName(to string) (before, name, after string, ok bool) {
	if _, err := parse.HostPortOrFile(to); err == nil || !strings.Contains(err.Error(), "not an IP address or file") {
		return "", "", "", false
	}
	scheme, host := parse.Transport(to)
	switch scheme {
	case transport.DNS, transport.TLS, transport.QUIC, transport.HTTPS:
	default:
		return "", "", "", false
	}
	if scheme == transport.HTTPS && strings.Contains(host, "/") {
		return "", "", "", false
	}
	end := len(host)
	if i := strings.LastIndex(host, "%"); i >= 0 {
		end = i
	} else if _, port, err := net.SplitHostPort(host); err == nil {
		end = len(host) - len(port) - 1
	}
	name = strings.Trim(host[:end], "[]")
	if _, valid := dns.IsDomainName(name); !valid || name == "" || net.ParseIP(name) != nil {
		return "", "", "", false
	}
	return strings.TrimSuffix(to, host), name, host[end:], true
}

// numeric reports whether the last label of name is a number: such a name is
// a mistyped address (RFC 1123 section 2.1).
func numeric(name string) bool {
	name = strings.TrimSuffix(name, ".")
	last := name[strings.LastIndex(name, ".")+1:]
	return last != "" && strings.Trim(last, "0123456789") == ""
}

// bind replaces names of interfaces, which belong to the serving machine. Each
// gets an address of its own, so that two blocks on two interfaces do not
// look like two blocks on one.
func (r *rewriter) bind(stanza []caddyfile.Token) []caddyfile.Token {
	out := slices.Clone(stanza)
	for i := 1; i < len(out); i++ {
		option := newLine(out, i) // such as except, or the closing brace
		if option || out[i].Text == "{" || !interfaceName(out[i].Text) {
			continue
		}
		name := out[i].Text
		if _, known := r.interfaces[name]; !known {
			r.interfaces[name] = fmt.Sprintf("198.18.%d.%d", len(r.interfaces)/250, len(r.interfaces)%250+1)
		}
		r.notef(out[i], "plugin/bind: interface %s is not looked up here", name)
		out[i].Text = r.interfaces[name]
	}
	return out
}

// original puts the names of interfaces back into a message.
func (r *rewriter) original(msg string) string {
	for name, address := range r.interfaces {
		msg = regexp.MustCompile(`\b`+regexp.QuoteMeta(address)+`\b`).ReplaceAllLiteralString(msg, name)
	}
	return msg
}

// interfaceName reports whether s can be the name of a network interface. A
// host name, which bind does not take, is not one.
func interfaceName(s string) bool {
	const most = 15 // IFNAMSIZ without the final zero byte
	if s == "" || len(s) > most || s == "localhost" || strings.ContainsAny(s, "/:%{} \t\n") {
		return false
	}
	if strings.Trim(s, "0123456789.") == "" {
		return false // such as 10.0.0.300, or a port
	}
	// eth0.100 is a VLAN, ns.example.org is not.
	return !strings.Contains(s, ".") || numeric(s)
}

// dnssec drops keys that the setup would fetch from a cloud.
func (r *rewriter) dnssec(stanza []caddyfile.Token) []caddyfile.Token {
	var out []caddyfile.Token
	for _, line := range lines(stanza) {
		if len(line) > 2 && line[0].Text == "key" && line[1].Text == "aws_secretsmanager" {
			r.notef(line[0], "plugin/dnssec: keys of aws_secretsmanager are not fetched here")
			continue
		}
		out = append(out, line...)
	}
	return out
}

// inserted is the line of tokens that the Corefile does not have: no line of
// its own is next to it.
const inserted = 0

// api replaces how the API server is reached: kubeconfig, endpoint and tls
// become one endpoint that does not answer, and so does the absence of all
// three, which means in-cluster.
func (r *rewriter) api(directive string, stanza []caddyfile.Token) []caddyfile.Token {
	file := stanza[0].File
	option := []caddyfile.Token{
		{File: file, Line: inserted, Text: "endpoint"},
		{File: file, Line: inserted, Text: noAPI},
	}
	all := lines(stanza)
	first := all[0]
	brace := slices.IndexFunc(first, func(t caddyfile.Token) bool { return t.Text == "{" })
	if brace < 0 {
		last := first[len(first)-1]
		return slices.Concat(stanza,
			[]caddyfile.Token{{File: last.File, Line: lastLine(last), Text: "{"}},
			option,
			[]caddyfile.Token{{File: file, Line: inserted - 1, Text: "}"}})
	}
	out := slices.Concat(first[:brace+1], option, first[brace+1:])
	for _, line := range all[1:] {
		if !r.access(directive, line) {
			out = append(out, line...)
		}
	}
	return out
}

// access reports whether line is one that the endpoint of the copy replaces.
// A line with a wrong number of arguments stays, for the plugin to reject.
func (r *rewriter) access(directive string, line []caddyfile.Token) bool {
	args := line[1:]
	switch line[0].Text {
	case "kubeconfig":
		if len(args) != 1 && len(args) != 2 {
			return false
		}
		r.absent(directive, args[:1])
	case "tls":
		if len(args) != 3 {
			return false
		}
		r.absent(directive, args)
	case "endpoint":
		if len(args) == 0 {
			return false
		}
		for _, a := range args {
			if _, _, err := rest.DefaultServerURL(a.Text, "", schema.GroupVersion{}, false); err != nil {
				r.errorf(a, "plugin/%s: endpoint %q: %v", directive, a.Text, err)
			}
		}
	default:
		return false
	}
	return true
}

// absent notes files of the serving machine that this one does not have.
func (r *rewriter) absent(directive string, files []caddyfile.Token) {
	for _, f := range files {
		if _, err := os.Stat(f.Text); err != nil {
			r.notef(f, "plugin/%s: %s does not exist here", directive, f.Text)
		}
	}
}
