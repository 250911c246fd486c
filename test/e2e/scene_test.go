// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/clusterdns/clusterdns/test/internal/kube"
)

// A scene is a cluster with the operator and a DNS outside of the cluster.
type scene struct {
	// cluster is nil if it is somebody else's.
	cluster    *kube.Cluster
	kubeconfig string
	client     kubernetes.Interface
	dir        string
	balancer   *balancer
}

// outsideAddress is the cluster IP of the DNS outside of the cluster.
const outsideAddress = "10.96.0.53"

// images are those that every node needs.
var images = []string{"coredns", "operator", "glibc", "busybox", "musl", "web", "ingress", "dns"}

// newScene starts a cluster with two nodes that have these images, or takes the
// one of a kubeconfig, whose nodes have them.
func newScene(dir, kubeconfig string, images []string) (*scene, error) {
	s := &scene{dir: dir, kubeconfig: kubeconfig}
	if kubeconfig == "" {
		resolvConf := filepath.Join(dir, "resolv.conf")
		if err := os.WriteFile(resolvConf, []byte("nameserver "+outsideAddress+"\n"), 0o644); err != nil {
			return nil, err
		}
		options := []kube.Option{"--nodes=2", kube.Option("--resolv-conf=" + resolvConf)}
		for f := range strings.FieldsSeq(os.Getenv("E2E_CLUSTERFLAGS")) {
			options = append(options, kube.Option(f))
		}
		if err := s.start(images, options...); err != nil {
			return nil, err
		}
	}
	config, err := clientcmd.BuildConfigFromFlags("", s.kubeconfig)
	if err != nil {
		s.close()
		return nil, err
	}
	config.QPS, config.Burst = 100, 200
	if s.client, err = kubernetes.NewForConfig(config); err != nil {
		s.close()
		return nil, err
	}
	s.balancer = balance(s.client)
	return s, nil
}

// start starts a cluster of our own and gives its nodes the images.
func (s *scene) start(images []string, options ...kube.Option) error {
	begin := time.Now()
	var err error
	if s.cluster, err = kube.Start(append(options, kube.WithScheduler, "--timeout=5m")...); err != nil {
		return err
	}
	s.kubeconfig = s.cluster.Kubeconfig
	progress("nodes are ready after %s", time.Since(begin).Round(time.Second))
	for _, name := range images {
		if err := s.load(name); err != nil {
			s.close()
			return err
		}
	}
	progress("they have the images after %s", time.Since(begin).Round(time.Second))
	return nil
}

// load gives all nodes an image.
func (s *scene) load(name string) error {
	archive := bin("images", name+".tar")
	if _, err := os.Stat(archive); err != nil {
		return fmt.Errorf("%w: make e2e makes it", err)
	}
	_, err := s.cluster.Do("load-image all " + archive)
	return err
}

func (s *scene) close() {
	if s.balancer != nil {
		s.balancer.stop()
	}
	if s.cluster != nil {
		s.cluster.Stop()
	}
}

// kubectl runs kubectl, with stdin if it is not empty.
func (s *scene) kubectl(stdin string, args ...string) (string, error) {
	cmd := s.command(args...)
	if stdin != "" {
		cmd.Stdin = strings.NewReader(stdin)
	}
	out, err := cmd.Output()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		err = fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(ended.Stderr)))
	}
	return string(out), err
}

func (s *scene) command(args ...string) *exec.Cmd {
	path, err := exec.LookPath("kubectl")
	if err != nil {
		path = bin("kubectl")
	}
	return exec.Command(path, append([]string{"--kubeconfig", s.kubeconfig, "--cache-dir", filepath.Join(s.dir, "kubectl")}, args...)...)
}

// install brings the operator and all that is around it to the cluster.
func (s *scene) install() error {
	begin := time.Now()
	if err := s.applyOutside(); err != nil {
		return err
	}
	if err := s.installOperator(); err != nil {
		return err
	}
	if err := s.steps([][]string{
		{"-n", "outside", "rollout", "status", "deployment/dns", "--timeout=120s"},
		{"apply", "-f", testdata("clusterdns.yaml")},
		{"wait", "--for=condition=Programmed", "--timeout=180s", "clusterdns/default"},
	}); err != nil {
		return err
	}
	progress("installed after %s", time.Since(begin).Round(time.Second))
	return nil
}

// installOperator brings the operator, which has nothing to do yet.
func (s *scene) installOperator() error {
	return s.steps([][]string{
		{"apply", "--server-side", "-k", testdata("install")},
		{"wait", "--for=condition=Established", "--timeout=60s", "crd/clusterdnses.clusterdns.io"},
		{"-n", "kube-system", "rollout", "status", "deployment/clusterdns-operator", "--timeout=120s"},
	})
}

// steps runs kubectl with these arguments, one after the other.
func (s *scene) steps(all [][]string) error {
	for _, args := range all {
		if _, err := s.kubectl("", args...); err != nil {
			return err
		}
	}
	return nil
}

// applyOutside brings the DNS outside of the cluster.
func (s *scene) applyOutside() error {
	outside, err := os.ReadFile(testdata("outside.yaml"))
	if err != nil {
		return err
	}
	text := string(outside)
	if s.cluster == nil { // whose cluster IPs may be others
		text = strings.ReplaceAll(text, "  clusterIP: "+outsideAddress+"\n", "")
	}
	_, err = s.kubectl(text, "apply", "-f", "-")
	return err
}

func testdata(name string) string { return filepath.Join(kube.Root(), "test", "e2e", "testdata", name) }

// complain shows what may explain a failure.
func (s *scene) complain() {
	for _, args := range [][]string{
		{"get", "nodes,pods,services,endpointslices", "-A", "-o", "wide"},
		{"get", "clusterdns", "default", "-o", "yaml"},
		{"get", "events", "-A", "--sort-by=.lastTimestamp"},
		{"-n", "kube-system", "logs", "-l", "app.kubernetes.io/name=clusterdns-operator", "--tail=40"},
	} {
		out, err := s.kubectl("", args...)
		fmt.Fprintf(os.Stderr, "--- kubectl %s\n%s", strings.Join(args, " "), out)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}
