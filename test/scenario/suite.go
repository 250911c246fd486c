// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package scenario runs scenario files: what a cluster has, what a client asks,
// and what it is answered, in the words of a user.
//
// A scenario is a txtar file for testscript. Beside testscript's own commands it has
//
//	api fake                  use the in-repo API server, which accepts any object
//	api deny RESOURCE STATUS  have it refuse a resource with an HTTP status; 0 ends that
//	api stop | start          have it go away, or come back
//	api bookmarks DURATION    have it send bookmarks so often
//	api lose NUMBER           have it tell nobody of the next changes
//	api delay DURATION        have it wait so long before each response
//	api kubeconfig FILE       write a kubeconfig file for it
//	api lists RESOURCE NUMBER check how often a resource was read as a whole
//	api form RESOURCE TYPE    check that a resource was always asked for in that media type
//	api waiting NUMBER        check how many requests waited for a response at the same time, at most
//	coredns [FILE]            start CoreDNS with the Corefile FILE (default Corefile), or reload it
//	k8s/apply [-nowait] FILE  create or replace the objects of a manifest
//	k8s/delete [-nowait] FILE delete them
//	k8s/mcs                   have the API server know ServiceImports, also in the scenarios to come
//	dig [-retry] FILE         run the "$ dig ..." lines of a transcript and print it as it went
//	serial NAME ZONE          remember the SOA serial of a zone; IXFR=NAME in a transcript stands for it
//	rose NAME OTHER NUMBER    check by how much OTHER is more than NAME (RFC 1982); "some" is any number but 0
//	metric NAME [LABEL=VALUE ...] NUMBER
//	                          check the sum of the samples of a metric
//
// k8s/apply and k8s/delete return when the plugin has been told of the change.
// With a label selector it may not be told: then -nowait, and dig -retry.
// A block of the plugin that does not say where the API server is, is told.
package scenario

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clusterdns/clusterdns/test/apiserver"
	"github.com/clusterdns/clusterdns/test/internal/dig"
	"github.com/clusterdns/clusterdns/test/internal/kube"
	"github.com/clusterdns/clusterdns/test/internal/server"
)

// patience is how long a scenario waits for what must happen.
const patience = 20 * time.Second

// A Suite runs scenarios one after the other against one cluster.
type Suite struct {
	Cluster *kube.Cluster
	Client  *kube.Client
	// Vars are what [Suite.Expand] knows.
	Vars map[string]string
	// Corefile, if set, changes every Corefile before it is used.
	Corefile func(string) string
	// Asked, if set, is told of each dig and what the server said.
	Asked func(ts *testscript.TestScript, s *Run, args []string, got string)
}

// New returns a suite for a cluster.
func New(cluster *kube.Cluster) (*Suite, error) {
	client, err := kube.NewClient(cluster.Kubeconfig)
	if err != nil {
		return nil, err
	}
	vars, err := cluster.Credentials()
	if err != nil {
		return nil, err
	}
	vars["KUBECONFIG"] = cluster.Kubeconfig
	vars["APISERVER"] = cluster.APIServer
	vars["HOSTIP"] = hostIP()
	return &Suite{Cluster: cluster, Client: client, Vars: vars}, nil
}

// hostIP returns an IPv4 address of this machine that is not a loopback one, or "".
func hostIP() string {
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() && p.Addr().IsGlobalUnicast() {
			return p.Addr().String()
		}
	}
	return ""
}

// A Run is one scenario being run.
type Run struct {
	Suite  *Suite
	Server *server.Server
	// API is where the API server is, as an option of the plugin.
	API string

	fake    *apiserver.Server
	applied []*unstructured.Unstructured
	serials map[string]uint32
}

type runKey struct{}

// Files returns the scenario files below dir, in order.
func Files(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if filepath.Ext(path) == ".txtar" {
			files = append(files, path)
		}
		return err
	})
	return files, err
}

// RunAll runs files one after the other: they share a cluster, and most of its names.
func (s *Suite) RunAll(t *testing.T, files []string, update bool) {
	t.Helper()
	testscript.RunT(inOrder{t}, s.Params(files, update))
}

// inOrder is a test whose subtests do not run beside each other.
type inOrder struct{ *testing.T }

// Parallel does nothing.
func (inOrder) Parallel() {}

// Run runs f as a subtest.
func (o inOrder) Run(name string, f func(testscript.T)) {
	o.T.Run(name, func(t *testing.T) { f(inOrder{t}) })
}

// Verbose reports whether to log what a scenario does that succeeds.
func (inOrder) Verbose() bool { return testing.Verbose() }

// Params returns what testscript needs to run files.
func (s *Suite) Params(files []string, update bool) testscript.Params {
	return testscript.Params{
		Files:         files,
		UpdateScripts: update,
		Condition:     s.condition,
		Setup:         s.setup,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"api":        cmdAPI,
			"coredns":    cmdCoreDNS,
			"k8s/apply":  cmdApply,
			"k8s/delete": cmdDelete,
			"k8s/mcs":    cmdMCS,
			"dig":        cmdDig,
			"metric":     cmdMetric,
			"rose":       cmdRose,
			"serial":     cmdSerial,
		},
	}
}

func (s *Suite) setup(env *testscript.Env) error {
	r := &Run{Suite: s, API: "kubeconfig " + s.Cluster.Kubeconfig}
	env.Values[runKey{}] = r
	env.Defer(r.end)
	return nil
}

// condition knows hostip: this machine has an address that is not a loopback one.
func (s *Suite) condition(name string) (bool, error) {
	if name != "hostip" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	return s.Vars["HOSTIP"] != "", nil
}

// Expand replaces {$NAME} in a Corefile or a manifest by the value of a variable of the suite.
func (s *Suite) Expand(text string) string {
	for name, value := range s.Vars {
		text = strings.ReplaceAll(text, "{$"+name+"}", value)
	}
	return text
}

func run(ts *testscript.TestScript) *Run { return ts.Value(runKey{}).(*Run) }

// end stops what the scenario started and deletes what it applied.
func (r *Run) end() {
	if r.Server != nil {
		_ = r.Server.Stop()
	}
	if r.fake != nil {
		r.fake.Close()
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, o := range slices.Backward(r.applied) {
		_ = r.Suite.Client.Delete(ctx, o)
	}
}

func cmdAPI(ts *testscript.TestScript, neg bool, args []string) {
	r := run(ts)
	command := strings.Join(args[:min(1, len(args))], "")
	if neg || (r.fake == nil) != (command == "fake") || len(args) != apiWords[command] {
		ts.Fatalf("usage: api fake, then one of the other forms, see the documentation of the package")
	}
	switch command {
	case "fake":
		r.fake = apiserver.New()
		r.API = "endpoint " + r.fake.URL()
	case "deny":
		status, err := strconv.Atoi(args[2])
		ts.Check(err)
		r.fake.Deny(args[1], status)
	case "stop":
		r.fake.Stop()
	case "start":
		r.fake.Start()
	case "bookmarks":
		d, err := time.ParseDuration(args[1])
		ts.Check(err)
		r.fake.BookmarkEvery(d)
	case "lose":
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		r.fake.DropEvents(n)
	case "delay":
		d, err := time.ParseDuration(args[1])
		ts.Check(err)
		r.fake.Delay(d)
	case "kubeconfig":
		ts.Check(os.WriteFile(ts.MkAbs(args[1]), fmt.Appendf(nil, kubeconfig, r.fake.URL()), 0o600))
	default:
		r.asked(ts, args)
	}
}

// kubeconfig is the content of a kubeconfig file for a server.
const kubeconfig = `
apiVersion: v1
kind: Config
current-context: fake
clusters: [{name: fake, cluster: {server: %q}}]
contexts: [{name: fake, context: {cluster: fake, user: nobody}}]
users: [{name: nobody, user: {}}]
`

// asked checks what the in-repo API server was asked for.
func (r *Run) asked(ts *testscript.TestScript, args []string) {
	got, want := "", args[len(args)-1]
	switch args[0] {
	case "lists":
		got = fmt.Sprint(r.fake.Count(apiserver.VerbList, args[1]) + r.fake.Count(apiserver.VerbWatchList, args[1]))
	case "waiting":
		got = fmt.Sprint(r.fake.MaxConcurrent())
	case "form":
		for req := range r.fake.Requests() {
			if req.Resource == args[1] && (got == "" || req.ContentType != want) {
				got = req.ContentType
			}
		}
	}
	if got != want {
		ts.Fatalf("api %s: got %q, want %q", strings.Join(args[:len(args)-1], " "), got, want)
	}
}

// apiWords is how many words the commands to the in-repo API server have.
var apiWords = map[string]int{"fake": 1, "deny": 3, "stop": 1, "start": 1, "bookmarks": 2, "lose": 2,
	"delay": 2, "kubeconfig": 2, "lists": 3, "form": 3, "waiting": 2}

func cmdCoreDNS(ts *testscript.TestScript, neg bool, args []string) {
	name := "Corefile"
	if len(args) > 0 {
		name = args[0]
	}
	r := run(ts)
	err := r.serve(r.Suite.Expand(strings.ReplaceAll(ts.ReadFile(name), "{$WORK}", ts.Getenv("WORK"))))
	if neg {
		if err == nil {
			ts.Fatalf("CoreDNS started with %s", name)
		}
		fmt.Fprintln(ts.Stderr(), err)
		return
	}
	ts.Check(err)
}

// serve starts or reloads CoreDNS.
func (r *Run) serve(corefile string) error {
	corefile = Connect(corefile, r.API)
	if r.Suite.Corefile != nil {
		corefile = r.Suite.Corefile(corefile)
	}
	if r.Server != nil {
		return r.Server.Reload(corefile)
	}
	s, err := server.Start(corefile)
	r.Server = s
	return err
}

// Connect adds api to the blocks of the plugin that do not say where the API
// server is, at their end, so that the lines before keep their numbers.
func Connect(corefile, api string) string {
	var out []string
	inBlock, known := false, false
	for line := range strings.SplitSeq(corefile, "\n") {
		first, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case first == "clusterdns" && strings.HasSuffix(line, "{"):
			inBlock, known = true, false
		case first == "clusterdns":
			out = append(out, line+" {", api+" # for the test", "}")
			continue
		case first == "kubeconfig", first == "endpoint":
			known = true
		case first == "}" && inBlock:
			if !known {
				out = append(out, api+" # for the test")
			}
			inBlock = false
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

func cmdDig(ts *testscript.TestScript, neg bool, args []string) {
	retry := len(args) > 0 && args[0] == "-retry"
	if retry {
		args = args[1:]
	}
	if neg || len(args) != 1 {
		ts.Fatalf("usage: dig [-retry] FILE")
	}
	r := run(ts)
	deadline := time.Now().Add(patience)
	for _, q := range transcript(ts, ts.ReadFile(args[0])) {
		got, err := r.Dig(q.args)
		for retry && err == nil && strings.TrimSpace(got) != q.want && time.Now().Before(deadline) {
			time.Sleep(20 * time.Millisecond)
			got, err = r.Dig(q.args)
		}
		ts.Check(err)
		if r.Suite.Asked != nil {
			r.Suite.Asked(ts, r, q.args, got)
		}
		fmt.Fprintf(ts.Stdout(), "%s\n%s\n", q.line, got)
	}
}

// Dig asks the server of the scenario.
func (r *Run) Dig(args []string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for i, arg := range args {
		if name, ok := strings.CutPrefix(arg, "IXFR="); ok {
			serial, known := r.serials[name]
			if !known {
				return "", fmt.Errorf("%s: there is no serial %s", arg, name)
			}
			args = slices.Clone(args)
			args[i] = fmt.Sprint("IXFR=", serial)
		}
	}
	out, err := dig.Run(ctx, r.Server.UDP, r.Server.TCP, args...)
	if ip := r.Suite.Vars["HOSTIP"]; ip != "" && dig.Transfer(args) {
		out = strings.ReplaceAll(out, " "+ip+"\n", " HOSTIP\n")
	}
	return out, err
}

// A question is one "$ dig" line of a transcript and what should follow it.
type question struct {
	line string
	args []string
	want string
}

func transcript(ts *testscript.TestScript, text string) []question {
	var qs []question
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "$ dig "):
			qs = append(qs, question{line: line, args: strings.Fields(line)[2:]})
		case len(qs) > 0:
			q := &qs[len(qs)-1]
			q.want = strings.TrimSpace(q.want + "\n" + line)
		case line != "":
			ts.Fatalf("%q: a transcript begins with \"$ dig\"", line)
		}
	}
	return qs
}

func cmdMetric(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: metric NAME [LABEL=VALUE ...] NUMBER")
	}
	last := len(args) - 1
	got, err := server.Metric(args[0], args[1:last]...)
	ts.Check(err)
	if want := args[last]; fmt.Sprint(got) != want {
		ts.Fatalf("%s is %v, want %s", strings.Join(args[:last], " "), got, want)
	}
}

func cmdSerial(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: serial NAME ZONE")
	}
	r := run(ts)
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(args[1]), dns.TypeSOA)
	resp, err := dns.Exchange(m, r.Server.UDP)
	ts.Check(err)
	soa, ok := first(resp.Answer).(*dns.SOA)
	if !ok {
		ts.Fatalf("no SOA record of %s: %s", args[1], resp)
	}
	if r.serials == nil {
		r.serials = make(map[string]uint32)
	}
	r.serials[args[0]] = soa.Serial
}

func first(rrs []dns.RR) dns.RR {
	if len(rrs) == 0 {
		return nil
	}
	return rrs[0]
}

func cmdRose(ts *testscript.TestScript, neg bool, args []string) {
	r := run(ts)
	if neg || len(args) != 3 {
		ts.Fatalf("usage: rose NAME OTHER NUMBER")
	}
	before, ok := r.serials[args[0]]
	after, also := r.serials[args[1]]
	if !ok || !also {
		ts.Fatalf("there is no serial %s or %s", args[0], args[1])
	}
	got := int32(after - before)
	if want := args[2]; fmt.Sprint(got) != want && (want != "some" || got <= 0) {
		ts.Fatalf("from %s to %s the serial rose by %d, want %s", args[0], args[1], got, want)
	}
}
