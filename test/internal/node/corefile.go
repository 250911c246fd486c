// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"net"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/clusterdns/clusterdns/corefile"
)

// An adapter changes the Corefiles of a container so that CoreDNS listens on an
// address of this machine and finds its files. What is not a Corefile stays, so
// that CoreDNS says what is wrong.
type adapter struct {
	address    netip.Addr // to listen on
	kubeconfig string     // none if it is empty
	mounts     mounts
	values     map[string]string // of the environment
	files      files             // those of the volumes, which are changed
	folder     string            // that imports are relative to
	done       map[string]bool
}

// adapt changes the Corefile that is the file name, and those that it imports.
func (a *adapter) adapt(name string) {
	text, ok := a.files[name]
	if !ok || a.done[name] {
		return
	}
	a.done[name] = true
	a.files[name] = []byte(a.corefile(string(text)))
}

func (a *adapter) corefile(text string) string {
	f, err := corefile.Parse(a.withValues(text))
	if err != nil {
		return text
	}
	for _, n := range f.Nodes {
		switch n := n.(type) {
		case *corefile.Directive:
			for _, name := range a.imported(n) {
				a.adapt(name)
			}
			a.paths(n)
		case *corefile.ServerBlock:
			a.block(&n.Block)
			if _, snippet := n.Snippet(); !snippet {
				a.listen(n)
			}
		}
	}
	return corefile.Format(f)
}

// withValues puts the values of variables in the place of {$NAME} and {%NAME%},
// so that keys can be changed. What is more than a word is left to CoreDNS.
func (a *adapter) withValues(text string) string {
	var pairs []string
	for name, value := range a.values {
		if word, err := corefile.Word(value); err == nil && word.Raw() == value {
			pairs = append(pairs, "{$"+name+"}", value, "{%"+name+"%}", value)
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// A file that a server block imports has directives only. Between these lines
// it is a Corefile.
const header, footer = "import-into {\n", "\n}\n"

// adaptDirectives changes a file that a server block imports.
func (a *adapter) adaptDirectives(name string) {
	if a.done[name] {
		return
	}
	a.done[name] = true
	f, err := corefile.Parse(header + a.withValues(string(a.files[name])) + footer)
	if err != nil || len(f.ServerBlocks()) != 1 {
		return
	}
	a.block(&f.ServerBlocks()[0].Block)
	text := strings.TrimPrefix(corefile.Format(f), header)
	a.files[name] = []byte(strings.TrimSuffix(text, footer) + "\n")
}

// imported returns the files of the volumes that a directive imports.
func (a *adapter) imported(d *corefile.Directive) []string {
	if !d.Import() || len(d.Args) != 1 {
		return nil
	}
	pattern := a.mounts.outside(d.Args[0].Value())
	if !path.IsAbs(pattern) {
		pattern = path.Join(a.folder, pattern)
	}
	var found []string
	for name := range a.files {
		if ok, _ := path.Match(pattern, name); ok {
			found = append(found, name)
		}
	}
	return found
}

// block changes the directives of a server block or a snippet.
func (a *adapter) block(b *corefile.Block) {
	for i, d := range slices.Backward(b.Directives) {
		switch name := d.Name.Value(); {
		case name == "bind":
			b.Remove(i)
			continue
		case d.Import():
			for _, file := range a.imported(d) {
				a.adaptDirectives(file)
			}
		case servers[name] != "":
			a.server(d)
		case name == "clusterdns" || name == "kubernetes":
			a.connect(d)
		}
		a.paths(d)
	}
}

// servers are the plugins that listen for HTTP, with their default ports.
var servers = map[string]string{"health": "8080", "ready": "8181", "prometheus": "9153", "pprof": "6053"}

// server has a plugin listen on the address of the Pod, even if it would listen
// on localhost only: there is one of that for all Pods.
func (a *adapter) server(d *corefile.Directive) {
	port := servers[d.Name.Value()]
	if len(d.Args) > 0 {
		var err error
		if _, port, err = net.SplitHostPort(d.Args[0].Value()); err != nil {
			return
		}
	}
	listen := net.JoinHostPort(a.address.String(), higher(port))
	if len(d.Args) > 0 {
		_ = d.SetArgs(append([]string{listen}, d.Values()[1:]...)...)
		return
	}
	_ = d.SetArgs(listen)
}

// connect has a plugin use the kubeconfig, in the place of what a container
// finds at [tokenPath].
func (a *adapter) connect(d *corefile.Directive) {
	if a.kubeconfig == "" || d.Block != nil && len(d.Block.Find("kubeconfig"))+len(d.Block.Find("endpoint")) > 0 {
		return
	}
	_, _ = d.Add("kubeconfig", a.kubeconfig)
}

// paths maps the paths in the arguments of d and of what is in its block.
func (a *adapter) paths(d *corefile.Directive) {
	corefile.Walk(d, func(n corefile.Node) bool {
		if d, ok := n.(*corefile.Directive); ok {
			args := d.Values()
			for i := range args {
				args[i] = a.mounts.outside(args[i])
			}
			_ = d.SetArgs(args...)
		}
		return true
	})
}

// listen has a server block listen on the address of the Pod, on ports that are
// not reserved for root.
func (a *adapter) listen(b *corefile.ServerBlock) {
	zones := b.Zones()
	for i, zone := range zones {
		zones[i] = highPort(zone)
	}
	_ = b.SetZones(zones...)
	if bind, err := corefile.NewDirective("bind", a.address.String()); err == nil {
		_ = b.Insert(0, bind)
	}
}
