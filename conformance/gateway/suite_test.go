// Package gateway runs the conformance suite of Gateway API, unmodified, against a Fairlead that KUBECONFIG leads to.
// `cargo xtask conformance gateway` builds it, gives it a network of its own and runs it.
package gateway

import (
	"net/http"
	"testing"

	"sigs.k8s.io/gateway-api/conformance"
)

// TestConformance runs the tests of every profile that the flags name. No feature flag is given: which features are
// claimed is read from the status of the GatewayClass.
func TestConformance(t *testing.T) {
	options := conformance.DefaultOptions(t)
	stand := &stand{Client: options.Client, pods: newPods()}
	options.RestConfig.WrapTransport = func(next http.RoundTripper) http.RoundTripper { return beside{stand, next} }
	options.Client = stand
	conformance.RunConformanceWithOptions(t, options)
}
