package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"path"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// identity is who an echo server is over TLS: the files that the environment of its container names, read out of the Secrets and
// ConfigMaps of its volumes. The suite makes those after the Deployment, so they are read at each handshake.
type identity struct {
	api                  client.Client
	namespace            string
	template             corev1.PodSpec
	certificate, key, ca string
}

// identityOf is nil where the container serves no TLS.
func identityOf(api client.Client, deployment *unstructured.Unstructured) (*identity, error) {
	var typed appsv1.Deployment
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(deployment.Object, &typed); err != nil {
		return nil, err
	}
	template := typed.Spec.Template.Spec
	if len(template.Containers) != 1 {
		return nil, fmt.Errorf("%d containers, where one is known", len(template.Containers))
	}
	one := &identity{api: api, namespace: typed.Namespace, template: template}
	for _, variable := range template.Containers[0].Env {
		switch variable.Name {
		case "TLS_SERVER_CERT":
			one.certificate = variable.Value
		case "TLS_SERVER_PRIVKEY":
			one.key = variable.Value
		case "TLS_CLIENT_CACERTS":
			one.ca = variable.Value
		}
	}
	if one.certificate == "" {
		return nil, nil
	}
	return one, nil
}

func (i *identity) config() *tls.Config {
	return &tls.Config{
		NextProtos: []string{"h2", "http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			return i.read(ctx)
		},
		// ServeTLS asks for it, though the configuration of each client is the one above.
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, fmt.Errorf("never asked") },
	}
}

func (i *identity) read(ctx context.Context) (*tls.Config, error) {
	certificate, err := i.file(ctx, i.certificate)
	if err != nil {
		return nil, err
	}
	key, err := i.file(ctx, i.key)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}}
	if i.ca != "" {
		authority, err := i.file(ctx, i.ca)
		if err != nil {
			return nil, err
		}
		config.ClientAuth, config.ClientCAs = tls.VerifyClientCertIfGiven, x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(authority) {
			return nil, fmt.Errorf("%s holds no certificate", i.ca)
		}
	}
	return config, nil
}

// file reads what the kubelet would have mounted there.
func (i *identity) file(ctx context.Context, name string) ([]byte, error) {
	folder, base := path.Dir(name), path.Base(name)
	for _, mount := range i.template.Containers[0].VolumeMounts {
		if path.Clean(mount.MountPath) != folder {
			continue
		}
		for _, volume := range i.template.Volumes {
			if volume.Name != mount.Name {
				continue
			}
			if volume.Secret != nil {
				var secret corev1.Secret
				key := client.ObjectKey{Namespace: i.namespace, Name: volume.Secret.SecretName}
				if err := i.api.Get(ctx, key, &secret); err != nil {
					return nil, err
				}
				return secret.Data[item(volume.Secret.Items, base)], nil
			}
			if volume.ConfigMap != nil {
				var config corev1.ConfigMap
				key := client.ObjectKey{Namespace: i.namespace, Name: volume.ConfigMap.Name}
				if err := i.api.Get(ctx, key, &config); err != nil {
					return nil, err
				}
				return []byte(config.Data[item(volume.ConfigMap.Items, base)]), nil
			}
		}
	}
	return nil, fmt.Errorf("no volume holds %s", name)
}

// item is the key that a file of a volume is made from.
func item(items []corev1.KeyToPath, file string) string {
	for _, one := range items {
		if one.Path == file {
			return one.Key
		}
	}
	return file
}

// assertions tell how a request came over TLS.
func assertions(state *tls.ConnectionState) any {
	if state == nil {
		return nil
	}
	versions := map[uint16]string{tls.VersionTLS13: "TLSv1.3", tls.VersionTLS12: "TLSv1.2"}
	var peers []string
	for _, certificate := range state.PeerCertificates {
		peers = append(peers, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})))
	}
	return map[string]any{
		"version": versions[state.Version], "peerCertificates": peers, "serverName": state.ServerName,
		"negotiatedProtocol": state.NegotiatedProtocol, "cipherSuite": tls.CipherSuiteName(state.CipherSuite),
	}
}
