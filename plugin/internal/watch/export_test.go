// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

package watch

// PageSize is how many objects a page of a list has.
const PageSize = pageSize
