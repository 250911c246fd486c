// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package operator tests the operator in a real control plane, with servers that
// are real CoreDNS processes on a node that is this machine.
package operator

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/miekg/dns"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clusterdns/clusterdns/api/v1alpha1"
	"github.com/clusterdns/clusterdns/operator"
	"github.com/clusterdns/clusterdns/test/internal/kube"
	"github.com/clusterdns/clusterdns/test/internal/node"
)

// patience is how long a test waits for what must happen.
const patience = 90 * time.Second

var (
	cluster *kube.Cluster
	config  *rest.Config
	api     client.Client
	machine *node.Node
	// account is a kubeconfig with the rights that the operator has when installed.
	account string
	// service is where the Service kube-dns is asked.
	service netip.AddrPort
)

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "clusterdns-operator-")
	if err != nil {
		return failed(err)
	}
	defer os.RemoveAll(dir)
	ctrl.SetLogger(logr.Discard())
	if cluster, err = kube.Start(kube.WithScheduler); err != nil {
		return failed(err)
	}
	defer cluster.Stop()
	if err := connect(); err != nil {
		return failed(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	machine, err = node.Start(ctx, node.Options{
		Kubeconfig: cluster.Kubeconfig, Dir: filepath.Join(dir, "node"), Program: program("coredns"),
		Credentials: func(namespace, account string) (string, error) {
			return cluster.Do(fmt.Sprintf("kubeconfig system:serviceaccount:%s:%s", namespace, account))
		},
	})
	if err != nil {
		return failed(err)
	}
	defer machine.Close()
	if service, err = machine.Expose(ctx, "kube-system", "kube-dns", netip.MustParseAddrPort("127.0.0.1:0")); err != nil {
		return failed(err)
	}
	return m.Run()
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func program(name string) string { return filepath.Join(kube.Root(), "bin", name) }

// connect returns when the API server knows ClusterDNS.
func connect() (err error) {
	if config, err = clientcmd.BuildConfigFromFlags("", cluster.Kubeconfig); err != nil {
		return err
	}
	config.QPS, config.Burst = 100, 200
	scheme, err := operator.Scheme()
	if err != nil {
		return err
	}
	if out, err := kubectl("apply", "--server-side", "-f", filepath.Join(kube.Root(), "manifests", "crd")); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	if out, err := kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	if api, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	return install()
}

// install gives the operator the rights of the manifests, and that to read the
// Secret that the tests name.
func install() (err error) {
	for _, file := range []string{"rbac/operator.yaml", "operator/account.yaml", "samples/clusterdns/secret-role.yaml"} {
		if out, err := kubectl("apply", "--server-side", "-f", filepath.Join(kube.Root(), "manifests", file)); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	account, err = cluster.Do("kubeconfig system:serviceaccount:kube-system:clusterdns-operator")
	return err
}

// kubectl runs kubectl as the administrator.
func kubectl(args ...string) (string, error) {
	path, err := exec.LookPath("kubectl")
	if err != nil {
		path = program("kubectl")
	}
	cmd := exec.Command(path, append([]string{"--kubeconfig", cluster.Kubeconfig, "--cache-dir", filepath.Join(os.TempDir(), "clusterdns-kubectl")}, args...)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// An operated is a running operator.
type operated struct {
	stop func()
	log  *logged
}

type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements [io.Writer].
func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// operate runs the operator as a process with its own rights, until the test ends
// or stop.
func operate(t *testing.T, args ...string) *operated {
	t.Helper()
	o := &operated{log: &logged{}}
	args = append([]string{
		"operator", "--kubeconfig", account, "--local-image", "--leader-elect=false",
		"--resolv-conf=", "--metrics-address=", "--health-address=", "--coredns", program("coredns"),
		"--reach", "10.244.0.0/24=127.244.0.0/24+1000",
	}, args...)
	cmd := exec.Command(program("clusterdns"), args...)
	cmd.Stderr, cmd.Stdout = o.log, o.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	o.stop = func() { once.Do(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }) }
	t.Cleanup(func() {
		o.stop()
		if t.Failed() {
			t.Logf("the operator said:\n%s", o.log)
		}
	})
	return o
}

// settle gives the spec to the ClusterDNS, and returns its generation.
func settle(t *testing.T, spec v1alpha1.ClusterDNSSpec) int64 {
	t.Helper()
	dns := &v1alpha1.ClusterDNS{}
	dns.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("ClusterDNS"))
	dns.Name = "default"
	err := api.Get(t.Context(), client.ObjectKeyFromObject(dns), dns)
	dns.Spec = spec
	if err != nil {
		err = api.Create(t.Context(), dns)
	} else {
		err = api.Update(t.Context(), dns)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dns.Generation
}

// await returns the ClusterDNS once it is as wanted.
func await(t *testing.T, what string, is func(*v1alpha1.ClusterDNS) bool) *v1alpha1.ClusterDNS {
	t.Helper()
	dns := &v1alpha1.ClusterDNS{}
	poll(t, what, func() bool {
		return api.Get(t.Context(), client.ObjectKey{Name: "default"}, dns) == nil && is(dns)
	}, func() string { return summary(dns) })
	return dns
}

// poll asks until is says yes.
func poll(t *testing.T, what string, is func() bool, why func() string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s\n%s", patience, what, why())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func summary(dns *v1alpha1.ClusterDNS) string {
	var b strings.Builder
	for _, c := range dns.Status.Conditions {
		fmt.Fprintf(&b, "%s %s %s (generation %d of %d): %s\n", c.Type, c.Status, c.Reason, c.ObservedGeneration, dns.Generation, c.Message)
	}
	if r := dns.Status.Revision; r != nil {
		fmt.Fprintf(&b, "%s %s\n", r.Name, r.Loaded)
	}
	return b.String()
}

// condition reports whether a condition is so for the generation of the object.
func condition(dns *v1alpha1.ClusterDNS, kind string, status metav1.ConditionStatus, reason string) bool {
	c := meta.FindStatusCondition(dns.Status.Conditions, kind)
	return c != nil && c.Status == status && (reason == "" || c.Reason == reason) && c.ObservedGeneration == dns.Generation
}

// programmed returns the ClusterDNS once all servers have loaded its spec.
func programmed(t *testing.T) *v1alpha1.ClusterDNS {
	t.Helper()
	return await(t, "Programmed", func(dns *v1alpha1.ClusterDNS) bool {
		return condition(dns, v1alpha1.ConditionProgrammed, metav1.ConditionTrue, "")
	})
}

// ask asks the Service over UDP, and returns the response code and the records.
func ask(name string, qtype uint16) (string, []string) {
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	r, _, err := (&dns.Client{Timeout: 2 * time.Second}).Exchange(m, service.String())
	if err != nil {
		return err.Error(), nil
	}
	var records []string
	for _, rr := range r.Answer {
		switch rr := rr.(type) {
		case *dns.A:
			records = append(records, rr.A.String())
		case *dns.PTR:
			records = append(records, rr.Ptr)
		}
	}
	return dns.RcodeToString[r.Rcode], records
}

func deployment(t *testing.T) *appsv1.Deployment {
	t.Helper()
	d := &appsv1.Deployment{}
	if err := api.Get(t.Context(), client.ObjectKey{Namespace: "kube-system", Name: "clusterdns"}, d); err != nil {
		t.Fatal(err)
	}
	return d
}

// loads returns the revision that Pods load.
func loads(spec corev1.PodSpec) string {
	for _, v := range spec.Volumes {
		if v.ConfigMap != nil {
			return v.ConfigMap.Name
		}
	}
	return ""
}
