// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/moby/sys/mountinfo"

	"github.com/clusterdns/clusterdns/test/cluster/internal/process"
)

// cniResults is where CNI keeps what it gave to the pods of a machine.
const cniResults = "/var/lib/cni/results"

// podLinks is where the kubelet links to the logs of the pods of a machine.
const podLinks = "/var/log/containers"

// Clean ends all pods of a node whose programs have ended, and removes what they
// leave: mounts, cgroups, sockets. Images and volumes stay. It does nothing
// where there is nothing, and needs Name, ID, Dir and Run only. It reports how
// many processes it ended.
func (n Node) Clean(ctx context.Context) (int, error) {
	containers := n.containers()
	ended, err := n.kill(ctx, containers)
	if err != nil {
		return ended, fmt.Errorf("ending the pods of %s: %w", n.Name, err)
	}
	for _, dir := range []string{n.Dir, n.Run} {
		if err := unmountBelow(dir); err != nil {
			return ended, fmt.Errorf("cleaning up after %s: %w", n.Name, err)
		}
	}
	return ended, errors.Join(os.RemoveAll(n.Run), removeCgroups(ctx, containers), n.removeCNIResults(), n.removeLinks())
}

// containers are the IDs of all containers whose shim may run, as containerd
// keeps them.
func (n Node) containers() map[string]bool {
	ids := map[string]bool{}
	entries, _ := os.ReadDir(n.tasks())
	for _, entry := range entries {
		ids[entry.Name()] = true
	}
	return ids
}

func (n Node) tasks() string {
	return filepath.Join(n.state(), "io.containerd.runtime.v2.task", criNamespace)
}

// criNamespace is where containerd keeps what is for Kubernetes, and the parent
// of the cgroups of its containers.
const criNamespace = "k8s.io"

// Processes are those of the node's pods, with their shims.
func (n Node) Processes() []process.Record { return n.processes(n.containers()) }

// kill ends the processes of containers and their shims until there are none:
// some start others while they are being ended.
func (n Node) kill(ctx context.Context, containers map[string]bool) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for ended := 0; ; {
		found := n.processes(containers)
		if len(found) == 0 {
			return ended, nil
		}
		for _, record := range found {
			if err := record.Kill(ctx); err != nil {
				return ended, err
			}
			ended++
		}
	}
}

// processes are those in the cgroup of a container, and the shims of the node's
// containerd.
func (n Node) processes(containers map[string]bool) []process.Record {
	var found []process.Record
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		record, err := process.Find(pid)
		if err == nil && (inCgroup(pid, containers) || n.hasShim(pid)) {
			found = append(found, record)
		}
	}
	return found
}

// inCgroup looks in every hierarchy, of cgroup v1 or v2.
func inCgroup(pid int, names map[string]bool) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		for element := range strings.SplitSeq(strings.TrimSpace(line), "/") {
			if names[element] {
				return true
			}
		}
	}
	return false
}

func (n Node) hasShim(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return false
	}
	args := strings.Split(string(text), "\x00")
	return strings.HasPrefix(filepath.Base(args[0]), "containerd-shim") && slices.Contains(args, n.Socket())
}

// unmountBelow unmounts what is mounted in dir, the last first.
func unmountBelow(dir string) error {
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(dir))
	if err != nil {
		return fmt.Errorf("reading what is mounted: %w", err)
	}
	for _, mount := range slices.Backward(mounts) {
		if err := unmount(mount.Mountpoint); err != nil {
			return fmt.Errorf("unmounting %s: %w", mount.Mountpoint, err)
		}
	}
	return nil
}

// removeCgroups removes the cgroups of containers, with those in them, from every
// hierarchy.
func removeCgroups(ctx context.Context, containers map[string]bool) error {
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	if err != nil {
		return fmt.Errorf("reading what is mounted: %w", err)
	}
	for _, mount := range mounts {
		for id := range containers {
			if err := removeTree(ctx, filepath.Join(mount.Mountpoint, criNamespace, id)); err != nil {
				return fmt.Errorf("removing a cgroup: %w", err)
			}
		}
	}
	return nil
}

// removeTree removes folders only: the files of a cgroup go with it.
func removeTree(ctx context.Context, dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := removeTree(ctx, filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	return removeCgroup(ctx, dir)
}

// removeCgroup waits for the kernel, to which a process belongs to its cgroup
// for a moment after it is gone.
func removeCgroup(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := os.Remove(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case !errors.Is(err, syscall.EBUSY):
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// removeCNIResults removes what CNI keeps of this node's pods, some of it even
// after they are gone. Their network namespaces tell them from others.
func (n Node) removeCNIResults() error {
	entries, _ := os.ReadDir(cniResults)
	var failed error
	for _, entry := range entries {
		path := filepath.Join(cniResults, entry.Name())
		var result struct{ Netns string }
		text, err := os.ReadFile(path)
		if err == nil && json.Unmarshal(text, &result) == nil && strings.HasPrefix(result.Netns, n.Run+"/") {
			failed = errors.Join(failed, os.Remove(path))
		}
	}
	return failed
}

func (n Node) removeLinks() error {
	entries, _ := os.ReadDir(podLinks)
	var failed error
	for _, entry := range entries {
		link := filepath.Join(podLinks, entry.Name())
		if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, n.Dir+"/") {
			failed = errors.Join(failed, os.Remove(link))
		}
	}
	return failed
}
