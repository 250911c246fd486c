// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build nodes

package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
)

const echoImage = "clusterdns.test/echo:1"

// needNodes skips the test where there can be no nodes.
func needNodes(t *testing.T) {
	t.Helper()
	programs(t)
	if err := CanRunNodes(); err != nil {
		t.Skip(err)
	}
	if _, err := os.Stat(filepath.Join(testBin, containerd)); err != nil {
		t.Skipf("%v: build the programs first, with `make node-programs`", err)
	}
	if _, err := exec.LookPath("kubectl"); err != nil {
		t.Skipf("%v: kubectl exec is tested with it", err)
	}
}

// echoArchive is an image of the program echo.
func echoArchive(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	program, archive := filepath.Join(dir, "echo"), filepath.Join(dir, "echo.tar")
	for _, args := range [][]string{
		{"build", "-o", program, "./internal/echo"},
		{"run", "-C", "containerd", "./image", echoImage, program, archive},
	} {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %q: %v\n%s", args, err, said)
		}
	}
	return archive
}

// real is a cluster with nodes and what tests do with it.
type real struct {
	*Cluster
	admin user
}

func startReal(t *testing.T, opts Options) real {
	t.Helper()
	dir, err := os.MkdirTemp("", "nodes") // the path has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil { // what is mounted cannot be removed
			t.Error(err)
		}
	})
	if opts.Dir == "" {
		opts.Dir = dir
	}
	opts.Log = t.Output()
	c := start(t, opts)
	return real{c, as(t, c.Kubeconfig())}
}

func (r real) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	var out, said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), r.Kubectl(), append([]string{"--kubeconfig", r.Kubeconfig()}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("kubectl %q: %v: %s", args, err, &said)
	}
	return strings.TrimSpace(out.String())
}

// get fetches a page from a pod.
func (r real) get(t *testing.T, pod, url string) string {
	t.Helper()
	return r.kubectl(t, "exec", pod, "--", "/echo", "get", url)
}

// run starts a pod; more are further fields of its spec, each with a comma.
func (r real) run(t *testing.T, pod, node string, more ...string) {
	t.Helper()
	r.admin.want(t, 201, "POST", "/api/v1/namespaces/default/pods", fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod",
		"metadata":{"name":%q,"labels":{"app":"echo"}},
		"spec":{%s"nodeName":%q,"terminationGracePeriodSeconds":0,"containers":[
			{"name":"echo","image":%q,"imagePullPolicy":"Never","command":["/echo","serve"]}]}}`, pod, strings.Join(more, ""), node, echoImage))
}

type pod struct {
	Status struct {
		PodIPs     []struct{ IP string }
		Conditions []struct{ Type, Status string }
	}
}

// ready waits for a pod and returns its addresses.
func (r real) ready(t *testing.T, name string) []string {
	t.Helper()
	var addresses []string
	r.await(t, "pod "+name+" is ready", func() bool {
		var p pod
		r.object(t, "/api/v1/namespaces/default/pods/"+name, &p)
		addresses = nil
		for _, ip := range p.Status.PodIPs {
			addresses = append(addresses, ip.IP)
		}
		for _, c := range p.Status.Conditions {
			if c.Type == "Ready" {
				return c.Status == "True"
			}
		}
		return false
	})
	return addresses
}

func (r real) object(t *testing.T, path string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.admin.want(t, http.StatusOK, "GET", path, "")), into); err != nil {
		t.Fatal(err)
	}
}

// await waits for something that happens in seconds, and fails after a minute.
func (r real) await(t *testing.T, what string, happened func() bool) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(time.Minute); !happened(); {
		select {
		case <-end:
			t.Fatalf("it never happened: %s", what)
		case err := <-r.Failed():
			t.Fatal(err)
		case <-tick.C:
		}
	}
}

func (r real) nodeIs(t *testing.T, name, status string) bool {
	t.Helper()
	var n pod
	r.object(t, "/api/v1/nodes/"+name, &n)
	for _, c := range n.Status.Conditions {
		if c.Type == "Ready" {
			return c.Status == status
		}
	}
	return false
}

func host(address string) string {
	if strings.Contains(address, ":") {
		return "[" + address + "]"
	}
	return address
}

// What a user does with two nodes, from the first pod to the loss of a node.
func TestNodes(t *testing.T) {
	needNodes(t)
	archive := echoArchive(t)
	for _, mode := range []struct{ cni, proxy string }{{"bridge", "nftables"}, {"ptp", "iptables"}} {
		t.Run(mode.cni+" "+mode.proxy, func(t *testing.T) {
			r := startReal(t, Options{Nodes: &NodeOptions{Count: 2, CNI: mode.cni, ProxyMode: mode.proxy}})
			if err := r.LoadImage(t.Context(), "", archive); err != nil {
				t.Fatal(err)
			}
			r.run(t, "one", "node1")
			r.run(t, "two", "node2")
			t.Run("pods", func(t *testing.T) { testPods(t, r) })
			t.Run("services", func(t *testing.T) { testServices(t, r) })
			t.Run("host network", func(t *testing.T) { testHostNetwork(t, r) })
			t.Run("restarts", func(t *testing.T) { testRestarts(t, r) })
			if mode.cni == "bridge" {
				t.Run("a third node", func(t *testing.T) { testThirdNode(t, r, archive) })
			}
			dir := r.opts.Dir
			network := *r.state.Network
			r.Stop()
			wantNothingLeft(t, dir, network.ID)
		})
	}
}

func testPods(t *testing.T, r real) {
	r.ready(t, "one")
	r.ready(t, "two")
	for _, name := range []string{"one", "two"} {
		addresses := r.ready(t, name)
		if want := len(r.state.Network.AllPods()); len(addresses) != want {
			t.Errorf("%s has the addresses %q, want %d", name, addresses, want)
		}
		for _, address := range addresses {
			for _, from := range []string{"one", "two"} {
				if got := r.get(t, from, "http://"+host(address)+":8080"); got != name {
					t.Errorf("from %s: %s is %q, want %q", from, address, got, name)
				}
			}
			response, err := http.Get("http://" + host(address) + ":8080")
			if err != nil {
				t.Fatalf("from the host: %v", err)
			}
			response.Body.Close()
		}
		if got := r.kubectl(t, "logs", name); got != "serving as "+name {
			t.Errorf("logs of %s: got %q", name, got)
		}
	}
}

func testServices(t *testing.T, r real) {
	r.admin.want(t, 201, "POST", "/api/v1/namespaces/default/services", `{"apiVersion":"v1","kind":"Service",
		"metadata":{"name":"echo"},"spec":{"type":"NodePort","ipFamilyPolicy":"PreferDualStack","selector":{"app":"echo"},
		"ports":[{"port":80,"targetPort":8080}]}}`)
	var service struct {
		Spec struct {
			ClusterIPs []string
			Ports      []struct{ NodePort int }
		}
	}
	r.object(t, "/api/v1/namespaces/default/services/echo", &service)
	urls := []string{fmt.Sprintf("http://%s:%d", r.Nodes()[1].Addresses[0], service.Spec.Ports[0].NodePort)}
	for _, address := range service.Spec.ClusterIPs[:len(r.state.Network.AllPods())] {
		urls = append(urls, "http://"+host(address))
	}
	for _, url := range urls {
		var seen []string
		r.await(t, "both pods answer at "+url, func() bool {
			// Until kube-proxy knows, nobody answers.
			out, _ := exec.CommandContext(t.Context(), r.Kubectl(), "--kubeconfig", r.Kubeconfig(), "exec", "one", "--", "/echo", "get", url).Output()
			if name := strings.TrimSpace(string(out)); name != "" && !slices.Contains(seen, name) {
				seen = append(seen, name)
			}
			return len(seen) == 2
		})
	}
}

// A pod on the network of its node has the node's address and, with the DNS
// policy Default, the node's resolv.conf.
func testHostNetwork(t *testing.T, r real) {
	n, err := r.Cluster.Node("node2")
	if err != nil {
		t.Fatal(err)
	}
	const text = "nameserver 192.0.2.53\nsearch example.org\n"
	if err := os.WriteFile(n.ResolvConf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	r.run(t, "host", n.Name, `"hostNetwork":true,`, `"dnsPolicy":"Default",`)
	if got, want := r.ready(t, "host")[0], n.Addresses[0].String(); got != want {
		t.Errorf("its address is %s, want %s", got, want)
	}
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if got := r.get(t, "one", "http://"+host(n.Addresses[0].String())+":8080"); got != name {
		t.Errorf("got %q, want %q", got, name)
	}
	got := r.kubectl(t, "exec", "host", "--", "/echo", "file", "/etc/resolv.conf")
	for _, want := range strings.Split(strings.TrimSpace(text), "\n") {
		if !strings.Contains(got, want) {
			t.Errorf("its resolv.conf lacks %q:\n%s", want, got)
		}
	}
}

// Pods live on while the programs of their node are started again.
func testRestarts(t *testing.T, r real) {
	before := r.ready(t, "one")
	for _, program := range []string{kubelet, kubeProxy, containerd} {
		if err := r.RestartProgram(t.Context(), "node1", program); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.RestartProgram(t.Context(), "node1", "init"); err == nil {
		t.Error("restarted what is not there")
	}
	var p struct {
		Status struct{ ContainerStatuses []struct{ RestartCount int } }
	}
	r.object(t, "/api/v1/namespaces/default/pods/one", &p)
	if got := r.get(t, "two", "http://"+before[0]+":8080"); got != "one" || p.Status.ContainerStatuses[0].RestartCount != 0 {
		t.Errorf("got %q and %+v", got, p)
	}
}

func testThirdNode(t *testing.T, r real, archive string) {
	n, err := r.AddNode(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if n.Name != "node3" || !n.Running {
		t.Errorf("got %+v", n)
	}
	if _, err := r.AddNode(t.Context(), "node3"); err == nil {
		t.Error("added a second node3")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.AddNode(ended, "edge"); err == nil || len(r.Nodes()) != 3 {
		t.Errorf("a node that was broken off: %v, %v", err, r.Nodes())
	}
	if err := r.LoadImage(t.Context(), n.Name, archive); err != nil {
		t.Fatal(err)
	}
	r.run(t, "three", n.Name)
	address := r.ready(t, "three")[0]
	if got := r.get(t, "one", "http://"+address+":8080"); got != "three" {
		t.Errorf("got %q", got)
	}

	if err := r.StopNode(t.Context(), n.Name); err != nil {
		t.Fatal(err)
	}
	if err := r.StopNode(t.Context(), n.Name); err == nil {
		t.Error("stopped a node that does not run")
	}
	client := http.Client{Timeout: time.Second}
	if _, err := client.Get("http://" + address + ":8080"); err == nil {
		t.Error("a pod of the lost node answers")
	}
	r.await(t, "the lost node is not ready", func() bool { return r.nodeIs(t, n.Name, "Unknown") })

	if err := r.StartNode(t.Context(), n.Name); err != nil {
		t.Fatal(err)
	}
	if !r.nodeIs(t, n.Name, "True") {
		t.Error("StartNode returned before the node was ready")
	}
	r.await(t, "the pod is back", func() bool {
		again := r.ready(t, "three")
		response, err := client.Get("http://" + again[0] + ":8080")
		if err != nil {
			return false
		}
		response.Body.Close()
		return true
	})
}

// kill -9 of everything at once; then a second start.
func TestNodesAfterCrash(t *testing.T) {
	needNodes(t)
	r := startReal(t, Options{Nodes: &NodeOptions{Count: 1}})
	if err := r.LoadImage(t.Context(), "", echoArchive(t)); err != nil {
		t.Fatal(err)
	}
	r.run(t, "one", "node1")
	r.ready(t, "one")
	dir, network := r.opts.Dir, *r.state.Network
	pods := r.Cluster.node(r.state.Nodes[0]).Processes()
	if len(pods) < 3 { // a shim, pause, echo
		t.Fatalf("the pod has the processes %v", pods)
	}
	crash(t, r.Cluster)
	alive := 0
	for _, p := range pods { // an orphan has no shim by which to find it
		if filepath.Base(p.Exe) == shim {
			if err := p.Kill(t.Context()); err != nil {
				t.Fatal(err)
			}
		} else if p.Alive() {
			alive++
		}
	}
	if alive < 2 {
		t.Fatalf("of the pod's processes %d outlived the programs: this tests nothing", alive)
	}

	again := startReal(t, Options{Dir: dir, Nodes: &NodeOptions{Count: 1}})
	for _, p := range pods {
		if p.Alive() {
			t.Errorf("%v outlived its node", p)
		}
	}
	if *again.state.Network != network {
		t.Errorf("the network was %v and is %v", network, *again.state.Network)
	}
	again.await(t, "the pod runs again", func() bool {
		var p struct {
			Status struct{ ContainerStatuses []struct{ RestartCount int } }
		}
		again.object(t, "/api/v1/namespaces/default/pods/one", &p)
		return len(p.Status.ContainerStatuses) == 1 && p.Status.ContainerStatuses[0].RestartCount == 1
	})
	again.ready(t, "one")
	again.Stop()
	wantNothingLeft(t, dir, network.ID)
}

// crash kills all programs of a cluster, and lets it believe that it was
// stopped. Pods and mounts stay.
func crash(t *testing.T, c *Cluster) {
	t.Helper()
	for _, p := range c.running {
		p.Stop(0)
	}
	c.closed = true
	c.lock.release()
}

func wantNothingLeft(t *testing.T, dir, id string) {
	t.Helper()
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mounts {
		t.Errorf("%s is still mounted", m.Mountpoint)
	}
	for _, pattern := range []string{
		"/run/netns/cdns-" + id + "*", "/run/clusterdns-" + id, "/sys/class/net/cdns" + id,
	} {
		if left, _ := filepath.Glob(pattern); left != nil {
			t.Errorf("left are %q", left)
		}
	}
	for _, pattern := range []string{"/proc/[0-9]*/cmdline", "/var/lib/cni/results/*"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			text, _ := os.ReadFile(file)
			if strings.Contains(string(text), "/clusterdns-"+id+"/") {
				t.Errorf("left is %s: %.200q", file, text)
			}
		}
	}
}
