// Package peer names the program that is built, so that `go mod tidy` keeps what it needs.
package peer

import _ "k8s.io/kubernetes/cmd/kube-apiserver/app"
