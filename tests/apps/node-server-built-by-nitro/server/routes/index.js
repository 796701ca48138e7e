export default () => "answered by nitro";
