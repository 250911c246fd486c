// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Package differential compares our plugin with the kubernetes plugin of
// CoreDNS: the same objects, the same Corefile but for one word, the same
// questions, in one process and over real sockets.
//
// Every difference must be listed in divergences.txt with the rule that it
// follows. A rule is more than a name: it is a predicate in Go that says, from
// the objects and the options, what each of the two has to answer. So a line of
// the list can be neither stale nor wider than its reason.
//
// What is known of a question is in [Facts], worked out from the API objects by
// code that shares nothing with the plugins.
package differential
