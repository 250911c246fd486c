// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// importImage gives containerd the images of an archive.
func (c *Cluster) importImage(ctx context.Context, socket, archive string) error {
	return importImage(ctx, c.opts.program(ctr), socket, archive)
}

func importImage(ctx context.Context, ctr, socket, archive string) error {
	if _, err := os.Stat(archive); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("loading an image: there is no %s", archive)
	}
	said, err := exec.CommandContext(ctx, ctr, "--address", socket, "--namespace", "k8s.io", "images", "import", archive).CombinedOutput()
	if err != nil {
		return fmt.Errorf("loading the image %s: %w: %s", archive, err, bytes.TrimSpace(said))
	}
	return nil
}

// LoadImage gives an archive, of Docker or OCI, to one node, or to all that run
// if name is empty. Images for other architectures in it are left out.
func (c *Cluster) LoadImage(ctx context.Context, name, archive string) error {
	sockets, err := c.sockets(name)
	if err != nil {
		return err
	}
	for _, socket := range sockets {
		if err := c.importImage(ctx, socket, archive); err != nil {
			return err
		}
	}
	return nil
}

// sockets are those of the containerd of one node or of all.
func (c *Cluster) sockets(name string) ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if name != "" {
		n, err := c.runningNode(name)
		if err != nil {
			return nil, err
		}
		return []string{c.node(n).Socket()}, nil
	}
	var sockets []string
	for _, n := range c.state.Nodes {
		if c.nodeRuns(n.Name) {
			sockets = append(sockets, c.node(n).Socket())
		}
	}
	if sockets == nil {
		return nil, errors.New("no node runs")
	}
	return sockets, nil
}

// LoadImage is [Cluster.LoadImage] for a cluster of another program. bin is the
// folder of the programs.
func LoadImage(ctx context.Context, dir, bin, name, archive string) error {
	files, err := existing(dir)
	if err != nil {
		return err
	}
	s, err := files.load()
	if err != nil {
		return err
	}
	loaded := false
	for _, n := range s.Nodes {
		if !s.Processes[nodeProgram(n.Name, containerd)].Alive() || name != "" && n.Name != name {
			continue
		}
		if err := importImage(ctx, filepath.Join(bin, ctr), s.cleanable(files, n).Socket(), archive); err != nil {
			return err
		}
		loaded = true
	}
	switch {
	case loaded:
		return nil
	case name != "":
		return fmt.Errorf("no node %s runs in %s", name, dir)
	}
	return fmt.Errorf("no node runs in %s: start the cluster with --nodes", dir)
}
