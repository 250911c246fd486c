// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/clusterdns/clusterdns/test/cluster/internal/network"
	"github.com/clusterdns/clusterdns/test/cluster/internal/process"
)

// state is what a later run has to know about a cluster.
type state struct {
	Dir          string                    `json:"dir"` // a copied directory must not be mistaken for the original
	ServiceCIDRs string                    `json:"serviceCIDRs"`
	APIPort      int                       `json:"apiPort"`
	EtcdPort     int                       `json:"etcdPort"`
	PeerPort     int                       `json:"peerPort"`
	Established  bool                      `json:"established"` // it was ready once, so its data is worth keeping
	Ready        bool                      `json:"ready"`
	Processes    map[string]process.Record `json:"processes"`
	Network      *network.Plan             `json:"network,omitempty"` // of a cluster that has or had nodes
	Nodes        []nodeState               `json:"nodes,omitempty"`
}

// nodeState is a node, whether it runs or not.
type nodeState struct {
	Name   string `json:"name"`
	Number int    `json:"number"` // which its addresses come from
}

// APIServer is the URL of the API server.
func (s state) APIServer() string { return fmt.Sprintf("https://127.0.0.1:%d", s.APIPort) }

func (s state) etcdClient() string { return fmt.Sprintf("http://127.0.0.1:%d", s.EtcdPort) }
func (s state) etcdPeer() string   { return fmt.Sprintf("http://127.0.0.1:%d", s.PeerPort) }

// load reads the state; a directory without one has the zero state.
func (l layout) load() (state, error) {
	var s state
	text, err := os.ReadFile(l.state())
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("reading the cluster's state: %w", err)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("reading the cluster's state in %s (delete the directory to begin anew): %w", l.state(), err)
	}
	if s.Dir != string(l) {
		s.Processes, s.Ready, s.Network, s.Nodes = nil, false, nil, nil
	}
	return s, nil
}

func (l layout) save(s state) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		err = writeFile(l.state(), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("saving the cluster's state: %w", err)
	}
	return nil
}

// writeFile replaces a file at once: a reader sees the old or the new content.
func writeFile(path string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = temporary.Write(content)
	if closeErr := temporary.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		os.Remove(temporary.Name())
	}
	return err
}
