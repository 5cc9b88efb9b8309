package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/gateway-api/pkg/consts"
)

// stand is a client that does what a cluster around Fairlead would do: it turns the Deployments of the suite into Pods
// with an echo server each, and says which Gateway API is installed, since Fairlead serves it built in, without
// CustomResourceDefinitions. Everything else goes to Fairlead as it is.
type stand struct {
	client.Client
	pods *pods
}

func isDeployment(object client.Object) bool {
	raw, ok := object.(*unstructured.Unstructured)
	return ok && raw.GetKind() == "Deployment"
}

func (s *stand) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	definitions, ok := list.(*apiextensionsv1.CustomResourceDefinitionList)
	if !ok {
		return s.Client.List(ctx, list, options...)
	}
	marks := map[string]string{consts.BundleVersionAnnotation: consts.BundleVersion, consts.ChannelAnnotation: "experimental"}
	definitions.Items = []apiextensionsv1.CustomResourceDefinition{{ObjectMeta: metav1.ObjectMeta{Annotations: marks}}}
	return nil
}

func (s *stand) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if isDeployment(object) {
		// The suite asks before it creates; a second creation would start the Pods again.
		if _, known := s.pods.selector(key); known {
			return nil
		}
		return apierrors.NewNotFound(schema.GroupResource{Group: "apps", Resource: "deployments"}, key.Name)
	}
	return s.Client.Get(ctx, key, object, options...)
}

func (s *stand) Update(ctx context.Context, object client.Object, options ...client.UpdateOption) error {
	if isDeployment(object) {
		return nil
	}
	return s.Client.Update(ctx, object, options...)
}

func (s *stand) Delete(ctx context.Context, object client.Object, options ...client.DeleteOption) error {
	if isDeployment(object) {
		s.pods.forget(client.ObjectKeyFromObject(object))
		return nil
	}
	return s.Client.Delete(ctx, object, options...)
}

func (s *stand) Create(ctx context.Context, object client.Object, options ...client.CreateOption) error {
	if !isDeployment(object) {
		return s.Client.Create(ctx, object, options...)
	}
	deployment := object.(*unstructured.Unstructured)
	replicas, found, err := unstructured.NestedInt64(deployment.Object, "spec", "replicas")
	if err != nil {
		return err
	}
	if !found {
		replicas = 1
	}
	labels, _, err := unstructured.NestedStringMap(deployment.Object, "spec", "template", "metadata", "labels")
	if err != nil {
		return err
	}
	s.pods.deploy(client.ObjectKeyFromObject(object), labels)
	tls, err := identityOf(s.Client, deployment)
	if err != nil {
		return err
	}
	for range replicas {
		if err := s.start(ctx, deployment.GetNamespace(), deployment.GetName(), labels, tls); err != nil {
			return fmt.Errorf("pod of deployment %s/%s: %w", deployment.GetNamespace(), deployment.GetName(), err)
		}
	}
	return nil
}

// start runs an echo server and registers it as a ready Pod.
func (s *stand) start(ctx context.Context, namespace, base string, labels map[string]string, tls *identity) error {
	echo, err := s.pods.start(namespace, base, tls)
	if err != nil {
		return err
	}
	node, err := s.node(ctx)
	if err != nil {
		return err
	}
	// Nobody ends these Pods as a kubelet would, at once; what has been deleted stays for this long.
	grace := int64(1)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: echo.pod, Namespace: namespace, Labels: labels},
		Spec:       corev1.PodSpec{NodeName: node, TerminationGracePeriodSeconds: &grace, Containers: []corev1.Container{{Name: "echo", Image: "echo"}}},
	}
	if err := s.Client.Create(ctx, pod); err != nil {
		return err
	}
	pod.Status = corev1.PodStatus{
		Phase:      corev1.PodRunning,
		PodIP:      echo.ip,
		PodIPs:     []corev1.PodIP{{IP: echo.ip}},
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
	}
	return s.Client.Status().Update(ctx, pod)
}

// node is the only one there is: Fairlead's own.
func (s *stand) node(ctx context.Context) (string, error) {
	var nodes corev1.NodeList
	if err := s.Client.List(ctx, &nodes); err != nil {
		return "", err
	}
	if len(nodes.Items) == 0 {
		return "", fmt.Errorf("there is no node")
	}
	return nodes.Items[0].Name, nil
}

var (
	logPath        = regexp.MustCompile(`/api/v1/namespaces/([^/]+)/pods/([^/]+)/log$`)
	deploymentPath = regexp.MustCompile(`/apis/apps/v1/namespaces/([^/]+)/deployments/([^/]+)$`)
	newDeployment  = regexp.MustCompile(`/apis/apps/v1/namespaces/([^/]+)/deployments$`)
)

// beside answers what tests ask of a cluster around Fairlead: logs of our Pods, which Pods belong to a Deployment, and Deployments that a
// test makes itself. Each test gets a client of its own, so that this is done below all of them.
type beside struct {
	stand *stand
	next  http.RoundTripper
}

func (b beside) RoundTrip(request *http.Request) (*http.Response, error) {
	if named := logPath.FindStringSubmatch(request.URL.Path); named != nil {
		return reply(request, "text/plain", strings.NewReader(b.stand.pods.log(named[1], named[2]))), nil
	}
	if newDeployment.MatchString(request.URL.Path) && request.Method == http.MethodPost {
		return b.deploy(request)
	}
	var answer any
	if named := deploymentPath.FindStringSubmatch(request.URL.Path); named != nil && request.Method == http.MethodDelete {
		b.stand.pods.forget(client.ObjectKey{Namespace: named[1], Name: named[2]})
		answer = &metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusSuccess}
	} else if named != nil && request.Method == http.MethodGet {
		labels, known := b.stand.pods.selector(client.ObjectKey{Namespace: named[1], Name: named[2]})
		if !known {
			return b.next.RoundTrip(request)
		}
		answer = &appsv1.Deployment{
			TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
			ObjectMeta: metav1.ObjectMeta{Namespace: named[1], Name: named[2]},
			Spec:       appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}},
		}
	} else if request.URL.Path == "/apis/apps/v1" {
		answer = &metav1.APIResourceList{
			TypeMeta:     metav1.TypeMeta{APIVersion: "v1", Kind: "APIResourceList"},
			GroupVersion: "apps/v1",
			APIResources: []metav1.APIResource{{Name: "deployments", SingularName: "deployment", Namespaced: true, Kind: "Deployment", Verbs: metav1.Verbs{"get"}}},
		}
	} else {
		return b.next.RoundTrip(request)
	}
	said, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	return reply(request, "application/json", bytes.NewReader(said)), nil
}

// deploy makes the Pods of a Deployment that is posted.
func (b beside) deploy(request *http.Request) (*http.Response, error) {
	said, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	deployment := &unstructured.Unstructured{}
	if err := json.Unmarshal(said, deployment); err != nil {
		return nil, err
	}
	if err := b.stand.Create(request.Context(), deployment); err != nil {
		return nil, err
	}
	return reply(request, "application/json", bytes.NewReader(said)), nil
}

func reply(request *http.Request, kind string, text io.Reader) *http.Response {
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(text), Request: request,
	}
}
