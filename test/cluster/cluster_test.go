// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clusterdns/clusterdns/test/cluster/internal/process"
)

func TestCluster(t *testing.T) {
	programs(t)
	c := start(t, Options{})
	admin := as(t, c.Kubeconfig())

	t.Run("service kubernetes", func(t *testing.T) {
		service := admin.want(t, 200, "GET", "/api/v1/namespaces/default/services/kubernetes", "")
		if !strings.Contains(service, `"clusterIP":"10.96.0.1"`) {
			t.Errorf("got %s", service)
		}
		slice := admin.want(t, 200, "GET", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes", "")
		if !strings.Contains(slice, `"addresses":["203.0.113.1"]`) {
			t.Errorf("got %s", slice)
		}
	})

	t.Run("dual stack", func(t *testing.T) {
		service := admin.want(t, 201, "POST", "/api/v1/namespaces/default/services", `{"apiVersion":"v1","kind":"Service",
			"metadata":{"name":"dual"},"spec":{"ipFamilyPolicy":"RequireDualStack","ports":[{"port":80}]}}`)
		for _, want := range []string{`"ipFamilies":["IPv4","IPv6"]`, `"fd00:10:96::`} {
			if !strings.Contains(service, want) {
				t.Errorf("no %s in %s", want, service)
			}
		}
	})

	t.Run("status", func(t *testing.T) {
		status, err := Inspect(t.Context(), c.opts.Dir)
		if err != nil {
			t.Fatal(err)
		}
		if !status.Running || status.NotReady != nil || status.APIServer != c.APIServer() {
			t.Errorf("got %+v", status)
		}
		if got, want := names(status), []string{etcd, apiServer, controllerManager}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})

	t.Run("lock", func(t *testing.T) {
		_, err := Start(t.Context(), Options{Dir: c.opts.Dir, Bin: testBin})
		if err == nil {
			t.Fatal("a second cluster started in the same directory")
		}
		for _, want := range []string{"already runs in " + c.opts.Dir, "pid ", "cluster stop --dir"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not contain %q", err, want)
			}
		}
	})

	t.Run("users", func(t *testing.T) { testUsers(t, c) })
	t.Run("API server", func(t *testing.T) { testAPIServer(t, c, admin) })
}

func names(s Status) []string {
	var names []string
	for _, p := range s.Programs {
		if p.Alive {
			names = append(names, p.Name)
		}
	}
	return names
}

func testUsers(t *testing.T, c *Cluster) {
	for _, tc := range []struct {
		user   string
		groups []string
		want   int
	}{
		{"bob", nil, 403},
		{"bob", []string{"dev"}, 403},
		{"bob", []string{"dev", "system:masters"}, 200},
		{"system:serviceaccount:default:default", nil, 403},
	} {
		kubeconfig, err := c.KubeconfigFor(t.Context(), tc.user, tc.groups...)
		if err != nil {
			t.Fatal(err)
		}
		text := as(t, kubeconfig).want(t, tc.want, "GET", configMaps, "")
		if tc.want == 403 && !strings.Contains(text, `User \"`+tc.user+`\" cannot list resource`) {
			t.Errorf("%s: got %s", tc.user, text)
		}
	}
	// The same from outside of the program that runs the cluster.
	kubeconfig, err := KubeconfigFor(t.Context(), c.opts.Dir, "carol")
	if err != nil {
		t.Fatal(err)
	}
	as(t, kubeconfig).want(t, 403, "GET", configMaps, "")

	if _, err := c.KubeconfigFor(t.Context(), "system:serviceaccount:default:nobody"); err == nil || !strings.Contains(err.Error(), `serviceaccounts "nobody" not found`) {
		t.Errorf("unknown service account: got %v", err)
	}
}

func testAPIServer(t *testing.T, c *Cluster, admin user) {
	admin.want(t, 201, "POST", configMaps, configMap)
	address := strings.TrimPrefix(c.APIServer(), "https://")
	if err := c.RestartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	admin.want(t, 200, "GET", configMaps+"/kept", "") // also says that the port is the same

	if err := c.StopAPIServer(); err != nil {
		t.Fatal(err)
	}
	if err := c.StopAPIServer(); err == nil {
		t.Error("stopped an API server that does not run")
	}
	squatter, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.StartAPIServer(t.Context()); err == nil || !strings.Contains(err.Error(), address+" is taken") {
		t.Errorf("with the port taken: got %v", err)
	}
	squatter.Close()
	if err := c.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.StartAPIServer(t.Context()); err == nil {
		t.Error("started a second API server")
	}
	admin.want(t, 200, "GET", configMaps+"/kept", "")
	select {
	case err := <-c.Failed():
		t.Errorf("stopping was taken for a failure: %v", err)
	default:
	}
}

// A crash of the program, where nothing ties the programs to it.
func TestStartAfterCrash(t *testing.T) {
	programs(t)
	dir := t.TempDir()
	crashed := exec.Command(os.Args[0])
	crashed.Env = append(os.Environ(), orphansEnv+"="+dir)
	output, err := crashed.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := crashed.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(output).ReadString('\n')
	if line != "ready\n" {
		t.Fatalf("got %q", line)
	}
	as(t, filepath.Join(dir, "kubeconfig")).want(t, 201, "POST", configMaps, configMap)
	crashed.Process.Kill()
	crashed.Wait()

	before, err := layout(dir).load()
	if err != nil {
		t.Fatal(err)
	}
	if len(before.Processes) != 3 {
		t.Fatalf("recorded were %v", before.Processes)
	}
	for name, record := range before.Processes {
		if !record.Alive() {
			t.Errorf("%s died with the program: this tests nothing", name)
		}
	}

	var log bytes.Buffer
	c := start(t, Options{Dir: dir, Log: &log})
	for name, record := range before.Processes {
		if record.Alive() {
			t.Errorf("%s of the crashed run is still there", name)
		}
		if !strings.Contains(log.String(), "ending "+name) {
			t.Errorf("no word of ending %s:\n%s", name, &log)
		}
	}
	if c.state.APIPort != before.APIPort {
		t.Errorf("the port was %d and is %d", before.APIPort, c.state.APIPort)
	}
	as(t, c.Kubeconfig()).want(t, 200, "GET", configMaps+"/kept", "")
}

func TestStopEndsLeftovers(t *testing.T) {
	dir, err := realPath(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	left, err := process.Start(process.Command{Name: etcd, Path: "/bin/sleep", Args: []string{"100"}, Log: filepath.Join(dir, "log")})
	if err != nil {
		t.Fatal(err)
	}
	defer left.Stop(0)
	s := state{Dir: dir, Processes: map[string]process.Record{etcd: left.Record}}

	// In a copy of the directory the record is about someone else's program.
	elsewhere := t.TempDir()
	if err := layout(elsewhere).save(s); err != nil {
		t.Fatal(err)
	}
	if found, err := Stop(t.Context(), elsewhere, t.Output()); found || err != nil {
		t.Errorf("in a copy: got %v, %v", found, err)
	}
	if !left.Record.Alive() {
		t.Fatal("ended what belongs to another directory")
	}

	if err := layout(dir).save(s); err != nil {
		t.Fatal(err)
	}
	for _, want := range []bool{true, false} {
		if found, err := Stop(t.Context(), dir, t.Output()); found != want || err != nil {
			t.Errorf("got %v, %v; want %v", found, err, want)
		}
	}
	if left.Record.Alive() {
		t.Error("the leftover is still there")
	}
}

func TestAssets(t *testing.T) {
	programs(t)
	assets := t.TempDir()
	for _, name := range []string{etcd, apiServer} {
		target, err := filepath.Abs(filepath.Join(testBin, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(assets, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(AssetsEnv, assets)
	c := start(t, Options{Bin: "/no/such/folder", Scheduler: true})
	status, err := Inspect(t.Context(), c.opts.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := names(status), []string{etcd, apiServer}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if status.NotReady != nil {
		t.Error(status.NotReady)
	}
}

func TestProgramThatFails(t *testing.T) {
	programs(t)
	dir := t.TempDir()
	data := layout(dir).data()
	if err := os.WriteFile(data, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Options{Dir: dir, Bin: testBin}); err == nil || !strings.Contains(err.Error(), data+" is there already") {
		t.Errorf("with data of another origin: got %v", err)
	}
	if err := layout(dir).save(state{Dir: dir, Established: true}); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{Dir: dir, Bin: testBin})
	if err == nil {
		t.Fatal("started on broken data")
	}
	for _, want := range []string{"etcd ended by itself", layout(dir).log(etcd), data} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not contain %q", err, want)
		}
	}
	s, err := layout(dir).load()
	if err != nil || len(s.Processes) != 0 {
		t.Errorf("left behind: %v, %v", s.Processes, err)
	}
	held, err := acquire(layout(dir))
	if err != nil {
		t.Fatal(err)
	}
	held.release()
}

func TestProgramThatDies(t *testing.T) {
	programs(t)
	c := start(t, Options{})
	if err := c.state.Processes[etcd].Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-c.Failed():
		if !strings.Contains(err.Error(), "etcd ended by itself (signal: killed)") {
			t.Errorf("got %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the death of etcd went unnoticed")
	}
}

func TestInterruptedStart(t *testing.T) {
	programs(t)
	dir := t.TempDir()
	interrupted := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() { // while the API server starts
		for t.Context().Err() == nil {
			if s, err := layout(dir).load(); err == nil && s.Processes[apiServer].PID != 0 {
				cancel(interrupted)
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	if _, err := Start(ctx, Options{Dir: dir, Bin: testBin}); !errors.Is(err, interrupted) {
		t.Errorf("got %v", err)
	}
	if s, err := layout(dir).load(); err != nil || len(s.Processes) != 0 {
		t.Errorf("left behind: %v, %v", s.Processes, err)
	}
	start(t, Options{Dir: dir}) // what was half done is no hindrance
}

func TestTimeout(t *testing.T) {
	programs(t)
	_, err := Start(t.Context(), Options{Dir: t.TempDir(), Bin: testBin, Timeout: 200 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "gave up after 200ms") || !strings.Contains(err.Error(), "kube-apiserver.log") {
		t.Errorf("got %v", err)
	}
}
