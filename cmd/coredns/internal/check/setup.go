// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"slices"
	"strings"
	"sync"

	"github.com/coredns/caddy"
	"github.com/coredns/caddy/caddyfile"
	"github.com/coredns/coredns/core/dnsserver"
)

// stopper is the only directive that caddy itself runs in a check. It stands
// in every server block of the copy, runs the setups of all the others on
// their own tokens, and with them on their own positions, and stops caddy
// before it starts anything.
const stopper = "clusterdns_check"

// errStopped is what the first startup callback of the copy returns.
var errStopped = errors.New("stopped before startup")

// install makes the stopper known to caddy, first in order.
var install = sync.OnceFunc(func() {
	caddy.RegisterPlugin(stopper, caddy.Plugin{ServerType: "dns", Action: func(c *caddy.Controller) error {
		if current == nil {
			return nil // only the keys are of interest
		}
		return current.setup(c)
	}})
	dnsserver.Directives = append([]string{stopper}, dnsserver.Directives...)
})

// current is the rehearsal that caddy runs: a setup function has no other way
// to know.
var current *rehearsal

// rehearsal is one start of CoreDNS up to where it would start something.
type rehearsal struct {
	name       string
	directives []string
	blocks     []block
	log        *capture
	// enter is called before the setup of a directive, and with "" after all.
	enter func(directive string, at Pos)

	controllers []*caddy.Controller
	// found has the errors of the setups by block, notes their warnings.
	found map[int][]failure
	notes []Diagnostic
	// partners is what plugins would say that look for others at startup.
	partners []Diagnostic
}

// failure is an error of a directive.
type failure struct {
	directive string
	Diagnostic
}

// run rehearses and returns what MakeServers says. What the setups say is in
// r.found.
func (r *rehearsal) run() (err error) {
	r.found = map[int][]failure{}
	r.log.warnings() // not about a directive
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("making servers panicked: %v", p)
		}
	}()
	text := skeleton(r.blocks)
	if !stoppers(text, len(r.blocks)) {
		return errors.New("the keys of these server blocks cannot be checked")
	}
	current = r
	defer func() { current = nil }()
	caddy.Quiet, caddy.PidFile = true, ""
	_, err = caddy.Start(caddy.CaddyfileInput{
		Filepath:       r.name,
		Contents:       text,
		ServerTypeName: "dns",
	})
	if errors.Is(err, errStopped) {
		return nil
	}
	return err
}

// setup is the setup of the stopper. The last block has it run all the other
// setups: each directive for all blocks, then the next, as caddy does.
func (r *rehearsal) setup(c *caddy.Controller) error {
	if len(r.controllers) == 0 {
		// Startup callbacks run instead of first ones in a process that
		// believes to be an upgrade of another.
		c.OnFirstStartup(r.stop)
		c.OnStartup(r.stop)
	}
	r.controllers = append(r.controllers, c)
	if len(r.controllers) < len(r.blocks) {
		return nil
	}
	for _, directive := range r.directives {
		for i, b := range r.blocks {
			if uses := b.uses[directive]; len(uses) > 0 {
				r.one(i, directive, uses)
			}
		}
	}
	r.enter("", Pos{})
	return nil
}

// one runs the setup of a directive in one block.
func (r *rehearsal) one(i int, directive string, uses [][]caddyfile.Token) {
	head := Pos{uses[0][0].File, uses[0][0].Line}
	r.enter(directive, head)
	c := *r.controllers[i]
	c.Dispenser = caddyfile.NewDispenserTokens(r.name, slices.Concat(uses...))
	c.ServerBlockStorage = nil
	var once sync.Once
	c.OncePerServerBlock = func(f func() error) (err error) {
		once.Do(func() { err = f() })
		return err
	}
	err := act(directive, &c)
	for _, w := range r.log.warnings() {
		r.notes = append(r.notes, noteAt(head, "%s", w))
	}
	if err != nil {
		r.found[i] = append(r.found[i], failure{directive, blame(err, uses, Pos{c.File(), c.Line()})})
	}
}

// act runs the setup of directive. A panic is an error of the configuration
// here: CoreDNS would die of it.
func act(directive string, c *caddy.Controller) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("plugin/%s: setup panicked: %v", directive, p)
		}
	}()
	setup, err := caddy.DirectiveAction("dns", directive)
	if err != nil {
		return err
	}
	return setup(c)
}

// stop is the first startup callback. By now all servers are made and all
// handlers are registered, none has started.
func (r *rehearsal) stop() error {
	for i, b := range r.blocks {
		if len(r.found[i]) > 0 {
			continue // the partner may be one that failed
		}
		r.partners = append(r.partners, partners(b, dnsserver.GetConfig(r.controllers[i]))...)
	}
	return errStopped
}

// names returns the normalised keys of the i-th block, dns://example.org.:53.
func (r *rehearsal) names(i int) []string {
	if i >= len(r.controllers) {
		return nil
	}
	return r.controllers[i].ServerBlockKeys
}

// skeleton returns the Corefile that caddy gets: all server blocks with
// nothing in them but the stopper.
func skeleton(blocks []block) []byte {
	var text strings.Builder
	for _, b := range blocks {
		_, mistakable := snippet(b.keys)
		mistakable = mistakable || len(b.keys) > 0 && b.keys[0].text == "import"
		for j, k := range b.keys {
			name := k.text
			if j == 0 && mistakable {
				// At the end of a file this is a zone. With its final dot it
				// is one in front of a brace, too.
				name += "."
			}
			text.WriteString(quote(name) + " ")
		}
		text.WriteString("{\n" + stopper + "\n}\n")
	}
	return []byte(text.String())
}

// stoppers reports whether the skeleton text has n server blocks with the
// stopper in each. Without one nothing would stop caddy: it would serve.
func stoppers(text []byte, n int) bool {
	parsed, err := caddyfile.Parse("", bytes.NewReader(text), nil)
	if err != nil || len(parsed) != n || n == 0 {
		return false
	}
	return !slices.ContainsFunc(parsed, func(p caddyfile.ServerBlock) bool { return len(p.Tokens[stopper]) != 1 })
}

// quote returns a key as the lexer of caddyfile reads it back.
func quote(key string) string {
	if key != "" && !strings.ContainsAny(key, "\"# \t\r\n\v\f\u0085\u00a0") {
		return key
	}
	return `"` + strings.ReplaceAll(key, `"`, `\"`) + `"`
}

// capture keeps the log of the setups off the terminal.
type capture struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write keeps p.
func (c *capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(p)
}

// begin takes the log over and returns a function that gives it back.
func (c *capture) begin() func() {
	writer, flags := log.Writer(), log.Flags()
	log.SetOutput(c)
	log.SetFlags(0)
	return func() {
		log.SetOutput(writer)
		log.SetFlags(flags)
	}
}

// warnings returns the warnings logged since the last call.
func (c *capture) warnings() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for line := range strings.Lines(c.text.String()) {
		if w, ok := strings.CutPrefix(line, "[WARNING] "); ok {
			out = append(out, w)
		}
	}
	c.text.Reset()
	return out
}
